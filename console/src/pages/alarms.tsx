/** What this Cordon itself complains of: a full disk, a log that cannot be written. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import { useQuery } from "@tanstack/react-query";
import { catalog } from "../../../src/catalog.ts";
import { callAny } from "../api/client.ts";
import { session } from "../api/session.ts";
import { useWords } from "../language.tsx";
import type { Item } from "../resource/resources.ts";

/** What needs the operator now; other accounts would be refused the question. */
export function Alarms() {
  const { t, told, valueText } = useWords();
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
      {alarms.map((alarm) => (
        <Box key={`${String(alarm.part)} ${String(alarm.message)}`}>
          {t("alarm", {
            part: valueText(String(alarm.part)),
            message: String(told(alarm, "message")),
            fix: String(told(alarm, "fix")),
          })}
        </Box>
      ))}
    </Alert>
  );
}

function alarmsOf(data: unknown): readonly Item[] {
  if (typeof data !== "object" || data === null || !("alarms" in data)) return [];
  // The contract's answer; what it holds is only shown.
  return Array.isArray(data.alarms) ? (data.alarms as Item[]) : [];
}
