/** The last good intent of this gateway; a site that cannot be read stays out, not the others. */
import { loadLastGood } from "../../kernel/intent/last-good.ts";
import { type GatewayIntent, readIntent, settleIntent } from "./intent.ts";

/** The intent kept in the gateway's folder; null when there is none that can be used. */
export async function loadIntent(folder: string): Promise<GatewayIntent | null> {
  try {
    return (await loadLastGood(folder, readUsable)) ?? null;
  } catch (error) {
    process.stderr.write(`gateway: ${error}\n`);
    return null;
  }
}

function readUsable(document: unknown): GatewayIntent {
  const result = readIntent(document);
  if (result.ok) return settleIntent(result.intent, result.faults, null);
  const [fault] = result.faults;
  throw new Error(`${fault?.path ?? ""} ${fault?.message ?? "it is no intent"}`.trim());
}
