/** What every service stands on, opened once: database, audit log, keys, spool, lake. */
import { join } from "node:path";
import { openAuditLog } from "../kernel/audit-log/audit-log.ts";
import { auditOrigin } from "../kernel/audit-log/origin.ts";
import { correctUncommitted } from "../kernel/audit-log/recover.ts";
import { backupAlarms } from "../kernel/backup/kept.ts";
import { migrationsFolder } from "../kernel/config.ts";
import { type Alarm, alarmOf, diskAlarms } from "../kernel/health.ts";
import type { Sealer } from "../kernel/identity/sealer.ts";
import { instanceOf } from "../kernel/instance.ts";
import { keydClient } from "../kernel/keyd/client.ts";
import { createKeyAlarms } from "../kernel/keyd/key-alarms.ts";
import { keydSocket } from "../kernel/keyd/protocol.ts";
import { signingKey } from "../kernel/keys.ts";
import { connectLake } from "../kernel/lake/client.ts";
import { lakeSocket } from "../kernel/lake/socket.ts";
import { createOutbound } from "../kernel/outbound.ts";
import { openAuthority } from "../kernel/pki/authority.ts";
import { connectionFor } from "../kernel/postgres/connection.ts";
import { openSpool } from "../kernel/spool/spool.ts";
import { openDatabase } from "../kernel/store/database.ts";
import { migrate } from "../kernel/store/migrate.ts";
import type { MigrationFile } from "../kernel/store/plan-migrations.ts";
import { createMetrics } from "../kernel/telemetry/metrics.ts";
import { tell } from "../kernel/texts.ts";
import { createSigners } from "../services/certificates/signers.ts";
import { backupBeforeUpgrade } from "./backups.ts";
import { clock, config, log } from "./settings.ts";

/** What has to be opened before anything can be answered, in the order of need. */
export async function openFoundations() {
  const instance = instanceOf(config);
  const connection = connectionFor(config);
  const metrics = createMetrics();
  const uses = metrics.counter("cordon_keyd_uses_total", "Uses of keyd by operation");
  const keyd = keydClient(keydSocket(config), {
    used: (operation, isDone) => uses.add({ operation, outcome: isDone ? "done" : "refused" }),
  });
  const beforeUpgrade = (pending: readonly MigrationFile[]) =>
    backupBeforeUpgrade({ connection, keyd }, pending);
  const applied = await migrate(connection, migrationsFolder, { beforeUpgrade });
  if (applied.length > 0) log({ level: "info", migrations: applied });
  const database = openDatabase(connection);
  const key = signingKey(config.folders.keys, "audit");
  const auditLog = await openAuditLog({
    folder: config.folders.audit,
    origin: auditOrigin(config, instance),
    signingKeyPem: key.privateKeyPem,
  });
  const corrected = await correctUncommitted(auditLog, database);
  if (corrected > 0)
    log({ level: "warning", message: "calls before a crash were not committed", corrected });
  const authority = await openAuthority(config.folders.keys, clock);
  const spool = openSpool({ folder: join(config.folders.spool, "server") });
  const lake = connectLake(
    config.lakeUrl === undefined ? { socketPath: lakeSocket(config) } : { url: config.lakeUrl },
  );
  // Secrets of the iam and sts services; their purpose names the key that they belong to.
  const sealer: Sealer = {
    seal: (plaintext, purpose) => keyd.seal(purpose, "identity", plaintext),
    open: (sealed, purpose) => keyd.open(purpose, "identity", sealed),
  };
  const signers = createSigners({ keyd, database, pkiUrl: config.pki?.url });
  const { privateTargets, acme } = config;
  const outbound = createOutbound({ privateTargets, resolver: acme.resolver });
  return {
    instance,
    connection,
    metrics,
    database,
    auditLog,
    auditKey: key,
    authority,
    spool,
    lake,
    sealer,
    keyd,
    keyAlarms: createKeyAlarms({ health: keyd.health, clock }),
    signers,
    outbound,
  };
}

/** What `openFoundations` opened. */
export type Foundations = Awaited<ReturnType<typeof openFoundations>>;

/** What this process and the disks below it complain of; names and words, no secrets. */
export function machineAlarms({ auditLog, spool, keyAlarms }: Foundations): readonly Alarm[] {
  const failures = [
    { part: "audit", failure: auditLog.failure() },
    { part: "spool", failure: spool.stats().failure },
  ] as const;
  const refused = failures.flatMap(({ part, failure }) => {
    if (failure === undefined) return [];
    const message = tell(`kernel.${part}Unwritable`, { failure });
    return [alarmOf(part, message, tell("kernel.freeSpace", {}))];
  });
  return [...keyAlarms(), ...diskAlarms(config), ...backupAlarms(config, clock()), ...refused];
}
