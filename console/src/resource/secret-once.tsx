/** A secret that the server shows once and never again. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useWords } from "../language.tsx";

export function SecretOnce({ secret, done }: { secret: string; done(): void }) {
  const { t } = useWords();
  return (
    <SpaceBetween size="m">
      <Alert type="warning">{t("secretOnce")}</Alert>
      <CopyToClipboard
        variant="inline"
        textToCopy={secret}
        copySuccessText={t("copied")}
        copyErrorText={t("copyFailed")}
        copyButtonAriaLabel={t("copy")}
      />
      <Button onClick={done}>{t("done")}</Button>
    </SpaceBetween>
  );
}
