/** The process of one worker: takes intents over IPC, writes its events into its own spool. */
import { join } from "node:path";
import { beginTransaction, compileExclusions } from "../../engines/seclang/engine.ts";
import { keepCompiled, surviveFullDisk } from "../../kernel/process/daemon.ts";
import { loadRuleset, loadRulesetInPieces, setupFileOf } from "../../kernel/rules/load.ts";
import { openSpool, type Spool } from "../../kernel/spool/spool.ts";
import { createInspectors } from "./inspector.ts";
import { type FromWorker, readToWorker } from "./messages.ts";
import { newestIntent } from "./newest-intent.ts";
import { policyResources } from "./policy/resources.ts";
import { type RecordSpool, recordSpool } from "./record-spool.ts";
import { type GatewayWorker, startWorker } from "./worker.ts";

const STATUS_EVERY_MS = 1_000;

const say = (message: FromWorker): void => {
  if (process.connected) process.send?.(message);
};
const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const setting = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`Cannot start a gateway worker: ${name} is not set`);
  return value;
};

/** Tells the master once a second how it goes. */
function sayStatus(worker: GatewayWorker, spool: Spool, records: RecordSpool): void {
  const timer = setInterval(() => {
    const status = worker.status();
    const failures = { events: spool.stats().failure, "request records": records.failure() };
    const troubles = Object.entries(failures).flatMap(([what, failure]) =>
      failure === undefined ? [] : [`cannot keep ${what}: ${failure}`],
    );
    say({ kind: "status", status: { ...status, troubles: [...troubles, ...status.troubles] } });
  }, STATUS_EVERY_MS);
  timer.unref();
}

async function run(): Promise<void> {
  surviveFullDisk();
  const folder = join(setting("CORDON_WORKER_SPOOL"));
  const spool = openSpool({ folder });
  const records = recordSpool(setting("CORDON_WORKER_RECORDS"));
  let isStopping = false;
  let worker: GatewayWorker | undefined;
  const stop = async (graceMs: number): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    await worker?.close(graceMs);
    await Promise.all([spool.close(), records.close()]);
    process.exit(0);
  };
  const filesOf = (rulesFolder: string) => ({ rulesFolder, setupFile: setupFileOf(rulesFolder) });
  const inspectors = createInspectors({ beginTransaction, compileExclusions }, (rulesFolder) =>
    loadRuleset(filesOf(rulesFolder)),
  );
  const intents = newestIntent({
    prepare: (intent) =>
      inspectors.prepare(intent, (rulesFolder) => loadRulesetInPieces(filesOf(rulesFolder))),
    tell: (version, fault) =>
      say(
        fault === null
          ? { kind: "applied", version }
          : { kind: "notApplied", version, message: text(fault) },
      ),
  });
  process.on("message", (value) => {
    const message = readToWorker(value);
    if (message?.kind === "stop") void stop(message.graceMs);
    if (message?.kind === "bans") worker?.acceptBans(message.bans);
    if (message?.kind === "fleetRates") worker?.acceptFleetRates(message);
    if (message?.kind !== "intent") return;
    intents.give(message.intent);
    if (worker !== undefined) void intents.applyWith(worker.apply);
  });
  // A worker without its master would never hear of a change again.
  process.on("disconnect", () => void stop(0));
  // The master decides when to stop; a Ctrl-C reaches the whole process group.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => {});
  worker = await startWorker({
    host: setting("CORDON_WORKER_HOST"),
    httpPort: Number(setting("CORDON_WORKER_HTTP_PORT")),
    httpsPort: Number(setting("CORDON_WORKER_HTTPS_PORT")),
    pagesFolder: setting("CORDON_WORKER_PAGES"),
    emit: (event) => spool.appendLater(JSON.stringify(event), event.class_uid),
    seed: setting("CORDON_WORKER_SEED"),
    policyResourcesOf: policyResources(setting("CORDON_WORKER_FOLDER")),
    shareRates: (counts) => say({ kind: "rates", counts: [...counts] }),
    settle: () => spool.settle(),
    keepRecord: records.keep,
    inspectorOf: inspectors.of,
    beforeListen: async (apply) => {
      if (setting("CORDON_WORKER_INTENT") !== "sent") return;
      await intents.first;
      await intents.applyWith(apply);
    },
  });
  // One that came while it began to listen.
  await intents.applyWith(worker.apply);
  sayStatus(worker, spool, records);
  say({ kind: "listening", httpPort: worker.httpPort, httpsPort: worker.httpsPort });
  keepCompiled();
}

run().catch((error: unknown) => {
  say({ kind: "failed", message: text(error) });
  process.exitCode = 1;
  process.disconnect?.();
});
