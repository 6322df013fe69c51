/** A text that somebody needs elsewhere, as it is, with a button that copies it. */
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import { useWords } from "../language.tsx";

export function CopyableText({ text }: { text: string }) {
  const { t } = useWords();
  return (
    <div className="call-text">
      <pre className="json">{text}</pre>
      <CopyToClipboard
        variant="icon"
        textToCopy={text}
        copySuccessText={t("copied")}
        copyErrorText={t("copyFailed")}
        copyButtonAriaLabel={t("copy")}
      />
    </div>
  );
}
