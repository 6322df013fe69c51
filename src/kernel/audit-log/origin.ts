/** The name of Cordon's audit log and of its key (C2SP tlog-checkpoint). */
import type { Config } from "../config.ts";

const AUDIT_ORIGIN = "cordon.local/audit";

/** Each control plane of a shared database has a log, and so a name of it, of its own. */
export function auditOrigin({ databaseUrl }: Config, instance: string): string {
  return databaseUrl === undefined ? AUDIT_ORIGIN : `${AUDIT_ORIGIN}/${instance}`;
}
