/** Buttons that save a report as CSV or PDF. */
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useWords } from "../../language.tsx";
import { useNotices } from "../../shell/notices.tsx";

type File = {
  readonly fileName: string;
  readonly mediaType: string;
  readonly contentBase64: string;
};

export function FileButtons({ get }: { get(format: "csv" | "pdf"): Promise<File> }) {
  const { valueText } = useWords();
  const { failed } = useNotices();
  const save = async (format: "csv" | "pdf"): Promise<void> => {
    try {
      const file = await get(format);
      const bytes = Uint8Array.from(atob(file.contentBase64), (one) => one.charCodeAt(0));
      const address = URL.createObjectURL(new Blob([bytes], { type: file.mediaType }));
      const link = document.createElement("a");
      link.href = address;
      link.download = file.fileName;
      link.click();
      URL.revokeObjectURL(address);
    } catch (error) {
      failed(error);
    }
  };
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {(["csv", "pdf"] as const).map((format) => (
        <Button key={format} iconName="download" onClick={() => void save(format)}>
          {valueText(format)}
        </Button>
      ))}
    </SpaceBetween>
  );
}
