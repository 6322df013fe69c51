/** What this Cordon itself complains of: a full disk, a log that cannot be written. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import { useQuery } from "@tanstack/react-query";
import { catalog } from "../../../src/catalog.ts";
import { callAny } from "../api/client.ts";
import { session } from "../api/session.ts";
import { useWords } from "../language.tsx";

/** What needs the operator now; other accounts would be refused the question. */
export function Alarms() {
  const { t } = useWords();
  const caller = useQuery(session);
  const query = useQuery({
    enabled: caller.data?.operator === true,
    queryKey: ["overview", "health"],
    queryFn: () => callAny(catalog.fleet.operations.getHealth, {}),
    refetchInterval: 10_000,
    retry: false,
  });
  const alarms = alarmsOf(query.data);
  if (alarms.length === 0) return null;
  return (
    <Alert type="error" header={t("alarms")}>
      {alarms.map(({ part, message, fix }) => (
        <Box key={`${part} ${message}`}>
          {part}: {message} ({fix})
        </Box>
      ))}
    </Alert>
  );
}

type AlarmItem = { readonly part: string; readonly message: string; readonly fix: string };

function alarmsOf(data: unknown): readonly AlarmItem[] {
  if (typeof data !== "object" || data === null || !("alarms" in data)) return [];
  // The contract's answer; what it holds is only shown.
  return Array.isArray(data.alarms) ? (data.alarms as AlarmItem[]) : [];
}
