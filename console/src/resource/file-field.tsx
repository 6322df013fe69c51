/** A file chosen from the disk, as the base64 that the call carries. */
import Box from "@cloudscape-design/components/box";
import FileInput from "@cloudscape-design/components/file-input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useWords } from "../language.tsx";

type Props = { readonly accept: string; set(text: string): void };

export default function FileField({ accept, set }: Props) {
  const { t } = useWords();
  const [files, setFiles] = useState<File[]>([]);
  const choose = async (chosen: File[]): Promise<void> => {
    const [file] = chosen;
    set(file === undefined ? "" : await base64Of(file));
    // Named once it has been read: a large one takes a moment, and is not sent before.
    setFiles(chosen);
  };
  return (
    <SpaceBetween direction="horizontal" size="xs" alignItems="center">
      <FileInput value={files} accept={accept} onChange={({ detail }) => void choose(detail.value)}>
        {t("chooseFile")}
      </FileInput>
      <Box>{files[0]?.name ?? ""}</Box>
    </SpaceBetween>
  );
}

/** A data URL holds the base64 behind its first comma. */
function base64Of(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(reader.error ?? new Error(file.name));
    reader.readAsDataURL(file);
  });
}
