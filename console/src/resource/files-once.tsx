/** Files that the server makes once, to be kept on this machine, and what to do with them. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useWords } from "../language.tsx";

export type MadeFile = {
  readonly name: string;
  readonly mediaType: string;
  readonly contentBase64: string;
};

/** The files in an answer's field; undefined when it holds something else. */
export function madeFilesOf(value: unknown): readonly MadeFile[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const files = value.filter(
    (one): one is MadeFile =>
      typeof one === "object" && one !== null && "contentBase64" in one && "mediaType" in one,
  );
  return files.length === value.length ? files : undefined;
}

function save({ name, mediaType, contentBase64 }: MadeFile): void {
  const bytes = Uint8Array.from(atob(contentBase64), (letter) => letter.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([bytes], { type: mediaType }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

type Props = { readonly files: readonly MadeFile[]; readonly note: string; done(): void };

export function FilesOnce({ files, note, done }: Props) {
  const { t } = useWords();
  return (
    <SpaceBetween size="m">
      <Alert type="warning">{t("filesOnce")}</Alert>
      <SpaceBetween direction="horizontal" size="xs">
        {files.map((file) => (
          <Button key={file.name} iconName="download" onClick={() => save(file)}>
            {file.name}
          </Button>
        ))}
      </SpaceBetween>
      {note === "" ? null : (
        <Box>
          <pre className="json">{note}</pre>
        </Box>
      )}
      <Button onClick={done}>{t("done")}</Button>
    </SpaceBetween>
  );
}
