/**
 * The control plane's process: opens what it stands on, builds services and planes (`app/`), and
 * listens. Nothing imports it.
 */
import { offerSetup, writeJoinTickets } from "./app/first-start.ts";
import { type Foundations, openFoundations } from "./app/foundations.ts";
import { listenForFleet, mountsOf } from "./app/listeners.ts";
import { buildPlanes } from "./app/planes.ts";
import { allCredentials, buildServices } from "./app/services.ts";
import {
  clock,
  config,
  consoleFolder,
  consoleHosts,
  consoleUrl,
  log,
  VERSION,
} from "./app/settings.ts";
import { createTelemetry, healthOf, listenLoopback } from "./app/telemetry.ts";
import { startWork } from "./app/work.ts";
import { contracts } from "./catalog.ts";
import { createIndexedAudit } from "./kernel/audit-index.ts";
import { drainOutbox, type OutboxRow } from "./kernel/events/outbox.ts";
import { listenPlain } from "./kernel/http/mount.ts";
import { openapiOf } from "./kernel/http/openapi.ts";
import { createRateLimiter } from "./kernel/http/rate-limit.ts";
import { createRouter } from "./kernel/http/route.ts";
import { createServer } from "./kernel/http/server.ts";
import { newId } from "./kernel/id.ts";
import { rememberedCredentials } from "./kernel/identity/credential-cache.ts";
import { createSharedMemory } from "./kernel/identity/shared-memory.ts";
import { createNonceMemory } from "./kernel/identity/signed-request.ts";
import type { IntentPublisher } from "./kernel/intent/publisher.ts";
import { problemCatalog } from "./kernel/problem.ts";
import { runDaemon } from "./kernel/process/daemon.ts";
import type { Sql } from "./kernel/store/database.ts";
import { jdcloudRouter } from "./services/iam/jdcloud/router.ts";
import { awsProtocol } from "./services/kms/aws/protocol.ts";
import { kmsService } from "./services/kms/service.ts";
import { takeEvents } from "./services/notify/intake.ts";

/** Says a failure of a part that goes on by itself. */
const failed = (part: string) => (error: unknown) =>
  log({ level: "error", part, error: String(error) });

/** What is told to others when a call's transaction has committed. */
function signalsOf({ database, spool }: Foundations, publisher: IntentPublisher) {
  const drain = async (): Promise<void> => {
    const notify = (sql: Sql, rows: readonly OutboxRow[]) => takeEvents(sql, rows, clock());
    while ((await drainOutbox(database, spool, notify)) > 0);
  };
  return {
    drain,
    intentChanged: () => void publisher.refresh().catch(failed("intent")),
    eventsWritten: () => void drain().catch(failed("outbox")),
  };
}

async function start() {
  const foundations = await openFoundations();
  const { database, auditLog, authority, spool, keyd, instance } = foundations;
  const telemetry = createTelemetry(foundations);
  const { metricsText } = telemetry;
  const { services, authorizer, live, rulesets, kms } = buildServices(foundations, metricsText);
  const publisher = buildPlanes(foundations, rulesets);
  const audit = telemetry.countedAudit(
    createIndexedAudit({ log: auditLog, name: instance, database, report: log }),
  );
  const problems = problemCatalog(contracts);
  const ended = new AbortController();
  const { drain, intentChanged, eventsWritten } = signalsOf(foundations, publisher);
  const { mounts, plain } = mountsOf(foundations, eventsWritten);
  const certificate = await authority.issueServer(consoleHosts);
  await audit.caughtUp();
  // What cannot be built now (a key that cannot be opened yet) is built by the job of the intent.
  await publisher.refresh().catch(failed("intent"));
  const health = healthOf(foundations);
  const server = await createServer({
    ...{ database, authorizer, audit, clock, newId, log, intentChanged, eventsWritten },
    ...{ mounts, problems, certificate },
    protocols: [awsProtocol(kmsService(kms), kms)],
    credentials: rememberedCredentials(allCredentials(foundations)),
    rateLimiter: createRateLimiter(),
    nonces: createNonceMemory(),
    shared: createSharedMemory(database),
    codeOf: (problem) => problems.errorBody(problem).code,
    router: createRouter(services),
    foreign: jdcloudRouter(services),
    openapi: openapiOf(contracts, VERSION),
    consoleFolder: consoleFolder(),
    telemetry: telemetry.calls,
    ...health,
  });
  await server.listen({ host: config.console.host, port: config.console.port });
  const fleet = await listenForFleet(foundations, { certificate, publisher });
  const watched = config.metricsPort && (await listenLoopback(health, metricsText));
  const pki = config.pki && (await listenPlain(plain, config.pki));
  await writeJoinTickets(foundations);
  const work = await startWork(foundations, {
    ...{ publisher, live, drain, kms, intentChanged, telemetry, failed, signal: ended.signal },
  });
  const setupUrl = await offerSetup(foundations);
  return {
    details: { address: consoleUrl, ...(setupUrl === undefined ? {} : { setupUrl }) },
    async stop() {
      ended.abort();
      fleet.closeAllConnections();
      fleet.close();
      pki?.closeAllConnections();
      pki?.close();
      if (watched) watched.close();
      await server.close();
      await work.ended();
      await audit.caughtUp();
      await auditLog.close();
      await spool.close();
      keyd.close();
      await database.close();
    },
  };
}

await runDaemon({ name: "server", start });
