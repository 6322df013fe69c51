/** A row of figures; each is a link to what was counted, and says when it is not good. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import StatusIndicator, {
  type StatusIndicatorProps,
} from "@cloudscape-design/components/status-indicator";
import { useWords } from "../language.tsx";

export type Figure = {
  readonly label: string;
  /** Undefined while it loads. */
  readonly value: number | string | undefined;
  readonly href: string;
  readonly type: StatusIndicatorProps.Type;
  readonly hint?: string;
  /** True when the reader has no right to it: it stays away. */
  readonly denied?: boolean;
};

export function Figures({ figures }: { figures: readonly Figure[] }) {
  const shown = figures.filter(({ denied }) => denied !== true);
  if (shown.length === 0) return null;
  return (
    <Container>
      <KeyValuePairs
        columns={4}
        minColumnWidth={170}
        items={shown.map((figure) => ({
          label: figure.label,
          value: <FigureValue figure={figure} />,
        }))}
      />
    </Container>
  );
}

function FigureValue({ figure: { value, href, type, hint } }: { figure: Figure }) {
  const { t, numberText } = useWords();
  if (value === undefined) return <StatusIndicator type="loading">{t("loading")}</StatusIndicator>;
  const text = typeof value === "number" ? numberText(value) : value;
  return (
    <>
      <Link href={href} fontSize="heading-m">
        <StatusIndicator type={type}>{text}</StatusIndicator>
      </Link>
      {hint === undefined || hint === "" ? null : (
        <Box color="text-body-secondary" fontSize="body-s">
          {hint}
        </Box>
      )}
    </>
  );
}
