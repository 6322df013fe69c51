/** Any call as command, curl and bare request, ready to copy. */
import Box from "@cloudscape-design/components/box";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { Operation } from "../../../src/kernel/operation.ts";
import { useWords } from "../language.tsx";
import { usePreference } from "../preferences.ts";
import { CopyableText } from "./copyable-text.tsx";
import { apiText, cliText, curlText, withoutSecrets } from "./operation-text.ts";
import type { Item } from "./resources.ts";

type Props = { readonly operation: Operation; readonly input: Item };

export default function CallText({ operation, input }: Props) {
  const { t } = useWords();
  const [kind, setKind] = usePreference("callText");
  const shown = withoutSecrets(operation, input);
  const texts = {
    cli: cliText(operation, shown) ?? t("noCli"),
    curl: curlText(operation, shown, window.location.origin),
    api: apiText(operation, shown),
  };
  const chosen = kind === "curl" || kind === "api" ? kind : "cli";
  return (
    <SpaceBetween size="s">
      <SegmentedControl
        label={t("showAs")}
        selectedId={chosen}
        onChange={({ detail }) => setKind(detail.selectedId)}
        options={[
          { id: "cli", text: t("asCli") },
          { id: "curl", text: t("asCurl") },
          { id: "api", text: t("asApi") },
        ]}
      />
      <Box color="text-body-secondary" fontSize="body-s">
        <code>{operation.name}</code> · <code>{operation.action}</code>
      </Box>
      <CopyableText text={texts[chosen]} />
    </SpaceBetween>
  );
}
