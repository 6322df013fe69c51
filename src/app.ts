/**
 * The control plane: the list of services and their wiring, and the only file that knows them all.
 * Run as a process of its own; nothing imports it.
 */
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { contracts } from "./catalog.ts";
import { createIndexedAudit } from "./kernel/audit-index.ts";
import { openAuditLog } from "./kernel/audit-log/audit-log.ts";
import { correctUncommitted } from "./kernel/audit-log/recover.ts";
import { programFolder, readConfig } from "./kernel/config.ts";
import { followSpools } from "./kernel/events/follow.ts";
import { createLiveEvents } from "./kernel/events/live.ts";
import { drainOutbox } from "./kernel/events/outbox.ts";
import { type Alarm, diskAlarms } from "./kernel/health.ts";
import { listenPlain } from "./kernel/http/mount.ts";
import { openapiOf } from "./kernel/http/openapi.ts";
import { createRateLimiter } from "./kernel/http/rate-limit.ts";
import { createRouter } from "./kernel/http/route.ts";
import { createServer, type ServerParts } from "./kernel/http/server.ts";
import { newId } from "./kernel/id.ts";
import { anyCredential } from "./kernel/identity/authenticate.ts";
import { createAuthorizer } from "./kernel/identity/authorize.ts";
import { breachedPasswords } from "./kernel/identity/breached-passwords.ts";
import type { Sealer } from "./kernel/identity/sealer.ts";
import { createNonceMemory } from "./kernel/identity/signed-request.ts";
import { readIdentity } from "./kernel/intent/identity-file.ts";
import { createFleetListener } from "./kernel/intent/listener.ts";
import { joinTicketFile } from "./kernel/intent/protocol.ts";
import { createIntentPublisher, type IntentPublisher } from "./kernel/intent/publisher.ts";
import { runJobs } from "./kernel/jobs.ts";
import { keydClient } from "./kernel/keyd/client.ts";
import { keydSocket } from "./kernel/keyd/protocol.ts";
import { signingKey } from "./kernel/keys.ts";
import { connectLake } from "./kernel/lake/client.ts";
import { lakeSocket } from "./kernel/lake/socket.ts";
import { openAuthority } from "./kernel/pki/authority.ts";
import { connectionFor } from "./kernel/postgres/connection.ts";
import { problemCatalog } from "./kernel/problem.ts";
import { runDaemon } from "./kernel/process/daemon.ts";
import { installedRulesets, loadRuleset } from "./kernel/rules/load.ts";
import { openSpool } from "./kernel/spool/spool.ts";
import { openDatabase, type Sql } from "./kernel/store/database.ts";
import { migrate } from "./kernel/store/migrate.ts";
import { accountService, renewSetupToken } from "./services/account/service.ts";
import { auditService } from "./services/audit/service.ts";
import type { ClientParts } from "./services/certificates/acme-client/parts.ts";
import { acmeMount } from "./services/certificates/acme-server/mount.ts";
import { challengeSection } from "./services/certificates/challenge-intent.ts";
import { boundCertificate, keyOpener } from "./services/certificates/gateway-keys.ts";
import { certificateJobs } from "./services/certificates/jobs.ts";
import { createOutbound } from "./services/certificates/outbound.ts";
import { pkiMount } from "./services/certificates/pki-endpoints.ts";
import { type CertificatesParts, certificatesService } from "./services/certificates/service.ts";
import { createSigners } from "./services/certificates/signers.ts";
import { eventsService } from "./services/events/service.ts";
import {
  createJoinToken,
  fleetService,
  gatewayReports,
  nodeRegistry,
} from "./services/fleet/service.ts";
import { credentialLookup } from "./services/iam/credentials.ts";
import { createFirstAdministrator } from "./services/iam/first-administrator.ts";
import { jdcloudRouter } from "./services/iam/jdcloud/router.ts";
import { roleDirectory } from "./services/iam/role-directory.ts";
import { iamService } from "./services/iam/service.ts";
import { recordDetections } from "./services/incident/detect.ts";
import { detectionOf } from "./services/incident/detections.ts";
import {
  blockedPacketsSection,
  blockedSourcesSection,
  expireResponses,
} from "./services/incident/intent.ts";
import { incidentService } from "./services/incident/service.ts";
import { roleSessionLookup } from "./services/sts/credentials.ts";
import { stsService } from "./services/sts/service.ts";
import { wafGatewaySection } from "./services/waf/intent.ts";
import { ruleLibrary } from "./services/waf/library.ts";
import { wafService } from "./services/waf/service.ts";
import { wafStore } from "./services/waf/store.ts";

const VERSION = "0.1.0";
const config = readConfig(process.env);
const clock = Date.now;
const consoleUrl = `https://${config.console.host}:${config.console.port}`;

/** Names that the console is reached by: in its certificate, and where passkeys work. */
const consoleHosts = [...new Set(["localhost", "127.0.0.1", "::1", config.console.host])];

/** One JSON document a line, to the process's own log file. */
function log(line: Readonly<Record<string, unknown>>): void {
  process.stderr.write(`${JSON.stringify({ time: new Date(clock()).toISOString(), ...line })}\n`);
}

/** What has to be opened before anything can be answered, in the order of need. */
async function openFoundations() {
  const connection = connectionFor(config);
  const applied = await migrate(connection, join(programFolder, "src", "migrations"));
  if (applied.length > 0) log({ level: "info", migrations: applied });
  const database = openDatabase(connection);
  const key = signingKey(config.folders.keys, "audit");
  const auditLog = await openAuditLog({
    folder: config.folders.audit,
    origin: "cordon.local/audit",
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
  const keyd = keydClient(keydSocket(config));
  // Secrets of the iam and sts services; their purpose names the key that they belong to.
  const sealer: Sealer = {
    seal: (plaintext, purpose) => keyd.seal(purpose, "identity", plaintext),
    open: (sealed, purpose) => keyd.open(purpose, "identity", sealed),
  };
  const signers = createSigners(keyd, config.pki?.url);
  const { privateTargets, acme } = config;
  const outbound = createOutbound({ privateTargets, resolver: acme.resolver });
  return {
    database,
    auditLog,
    auditKey: key,
    authority,
    spool,
    lake,
    sealer,
    keyd,
    signers,
    outbound,
  };
}

/** What the certificates service asks of others. */
function certificateParts({ database, keyd, signers }: Foundations): CertificatesParts {
  return {
    database,
    sealer: keyd,
    signers,
    gateway: config.gateway,
    ownsDomain,
    siteDomains: async (sql, accountId, siteId) =>
      (await wafStore(sql).getSite(accountId, siteId))?.domains,
  };
}

const ownsDomain = async (sql: Sql, accountId: string, domain: string): Promise<boolean> =>
  (await wafStore(sql).listSites(accountId)).some(({ domains }) => domains.includes(domain));

/** What the ACME client needs beside the database. */
function acmeClientParts(
  { database, keyd, outbound }: Foundations,
  refreshIntent: () => Promise<void>,
): ClientParts {
  return {
    ...{ database, sealer: keyd, outbound, clock, newId, ownsDomain, refreshIntent },
    chance: Math.random,
    gatewaysFollow: async () => {
      const gateways = await gatewayReports(database);
      const isBehind = gateways.some((one) => one.runningVersion < one.wantedVersion);
      return gateways.length > 0 && !isBehind;
    },
  };
}

type Foundations = Awaited<ReturnType<typeof openFoundations>>;

/** What this process and the disks below it complain of; names and words, no secrets. */
function machineAlarms({ auditLog, spool }: Foundations): readonly Alarm[] {
  const fix = "free some space; it recovers by itself";
  const failures = [
    { part: "audit", message: auditLog.failure() },
    { part: "spool", message: spool.stats().failure },
  ];
  const refused = failures.flatMap(({ part, message }) =>
    message === undefined ? [] : [{ part, message: `Cannot write ${part}: ${message}`, fix }],
  );
  return [...diskAlarms(config), ...refused];
}

function buildServices(foundations: Foundations) {
  const { database, auditLog, auditKey, lake, sealer } = foundations;
  const authorizer = createAuthorizer();
  const live = createLiveEvents();
  const rulesets = () => installedRulesets(config);
  const breached = breachedPasswords(join(config.folders.rules, "breached-passwords.txt"));
  const library = ruleLibrary(() => {
    const [first] = rulesets();
    return first === undefined ? undefined : loadRuleset(first);
  });
  const services = [
    accountService({ database, createFirstAdministrator }),
    iamService({ database, authorizer, contracts, sealer, breached, hosts: consoleHosts }),
    stsService({ database, authorizer, sealer, findRole: roleDirectory(database).find }),
    auditService({ log: auditLog, publicKeyPem: auditKey.publicKeyPem }),
    certificatesService(certificateParts(foundations)),
    wafService({ database, gateways: () => gatewayReports(database), library }),
    eventsService({ lake, live, phaseOf: library.phaseOf }),
    incidentService(),
    fleetService({ database, alarms: () => machineAlarms(foundations) }),
  ];
  return { services, authorizer, live, rulesets };
}

function buildPlanes(
  { database, authority, keyd }: Foundations,
  rulesets: () => readonly { name: string; rulesFolder: string }[],
) {
  return createIntentPublisher({
    database,
    clock,
    reveal: keyOpener(keyd),
    planes: {
      gateway: [
        wafGatewaySection({
          authority,
          boundCertificate,
          ruleset: () => rulesets()[0]?.name ?? "",
        }),
        blockedSourcesSection(),
        challengeSection(ownsDomain),
        async () => ({
          rulesets: rulesets().map(({ name, rulesFolder }) => ({ name, folder: rulesFolder })),
        }),
      ],
      network: [blockedPacketsSection()],
    },
  });
}

/** The embedded data planes join like any other node: with a ticket they find in their folder. */
async function writeJoinTickets({ database, authority }: Foundations): Promise<void> {
  const planes = [
    { plane: "gateway", folder: config.folders.gateway },
    { plane: "network", folder: join(config.dataFolder, "netd") },
  ];
  for (const { plane, folder } of planes) {
    if (readIdentity(folder, clock()) !== undefined) continue;
    const name = `${plane} on this machine`;
    const { token } = await createJoinToken(database, { name, plane, nowMs: clock() });
    const url = `https://127.0.0.1:${config.fleet.port}`;
    const ticket = { url, token, authorityPem: authority.certificatePem };
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, `${joinTicketFile}.new`), JSON.stringify(ticket), { mode: 0o600 });
    renameSync(join(folder, `${joinTicketFile}.new`), join(folder, joinTicketFile));
  }
}

/** The set-up token also lies in a file, so that the command line on this machine can use it. */
async function offerSetup({ database }: Foundations): Promise<string | undefined> {
  const token = await renewSetupToken(database, clock());
  const file = join(config.folders.run, "setup-token");
  if (token === undefined) {
    rmSync(file, { force: true });
    return undefined;
  }
  mkdirSync(config.folders.run, { recursive: true, mode: 0o700 });
  writeFileSync(file, token, { mode: 0o600 });
  chmodSync(file, 0o600);
  return `${consoleUrl}/setup#${token}`;
}

/** The listener of nodes that are not part of this process, after it listens. */
async function listenForFleet(
  { authority, database }: Foundations,
  parts: Pick<Parameters<typeof createFleetListener>[0], "certificate" | "publisher">,
) {
  const registry = nodeRegistry(database, clock);
  const fleet = createFleetListener({ authority, registry, log, ...parts });
  await new Promise<void>((resolve, reject) => {
    fleet.once("error", reject);
    fleet.listen(config.fleet.port, config.fleet.host, resolve);
  });
  return fleet;
}

/** Brings every event that a spool delivers to the live view and, as detections, to incidents. */
function followEvents(
  parts: Pick<Parameters<typeof followSpools>[0], "database" | "live" | "consumed">,
  signal: AbortSignal,
) {
  return followSpools(
    {
      ...parts,
      spoolFolder: config.folders.spool,
      report: log,
      async consume(sql, events) {
        const detections = events.map(detectionOf).filter((one) => one !== undefined);
        if (detections.length > 0)
          await recordDetections({ sql, nowMs: clock(), newId }, detections);
      },
    },
    signal,
  );
}

/** Protocols beside the API: the ACME server, and what relying parties fetch. */
function mountsOf({ database, keyd, signers, outbound }: Foundations, eventsWritten: () => void) {
  const { host, port } = config.console;
  const names = ["localhost", "127.0.0.1", "[::1]", host.toLowerCase()];
  const pki = pkiMount({ database, signers, clock });
  const mount = acmeMount({
    ...{ database, sealer: keyd, signers, outbound, clock, newId, log, eventsWritten },
    validationPort: config.acme.validationPort,
    hosts: new Set(names.flatMap((name) => [`${name}:${port}`, ...(port === 443 ? [name] : [])])),
  });
  return { mounts: [mount, pki], plain: [pki] };
}

/** Work that comes back by itself. */
function jobsOf(foundations: Foundations, publisher: IntentPublisher, drain: () => Promise<void>) {
  const { database } = foundations;
  const refreshIntent = () => publisher.refresh();
  return [
    { name: "outbox", everyMs: 2_000, run: drain },
    { name: "intent", everyMs: 30_000, run: refreshIntent },
    { name: "responses", everyMs: 1_000, run: () => expireResponses(database, clock()) },
    ...certificateJobs(certificateParts(foundations), acmeClientParts(foundations, refreshIntent)),
  ];
}

/** Lasting keys of the iam service, and temporary ones of the sts service. */
function allCredentials({ database, sealer }: Foundations) {
  const roles = roleDirectory(database);
  const temporary = roleSessionLookup(database, { roles, sealer });
  return anyCredential(credentialLookup(database, sealer), temporary);
}

async function start() {
  const foundations = await openFoundations();
  const { database, auditLog, authority, spool, keyd } = foundations;
  const { services, authorizer, live, rulesets } = buildServices(foundations);
  const publisher = buildPlanes(foundations, rulesets);
  const audit = createIndexedAudit({ log: auditLog, database, report: log });
  const problems = problemCatalog(contracts);
  const ended = new AbortController();
  const failed = (part: string) => (error: unknown) =>
    log({ level: "error", part, error: String(error) });
  const refresh = () => void publisher.refresh().catch(failed("intent"));
  const drain = async (): Promise<void> => {
    while ((await drainOutbox(database, spool)) > 0);
  };
  const eventsWritten = () =>
    void drain().catch((error: unknown) =>
      log({ level: "error", part: "outbox", error: String(error) }),
    );
  const { mounts, plain } = mountsOf(foundations, eventsWritten);
  const certificate = await authority.issueServer(serverNames());
  const parts: ServerParts = {
    database,
    credentials: allCredentials(foundations),
    authorizer,
    audit,
    rateLimiter: createRateLimiter(),
    nonces: createNonceMemory(),
    clock,
    newId,
    codeOf: (problem) => problems.errorBody(problem).code,
    log,
    intentChanged: refresh,
    eventsWritten,
    mounts,
    router: createRouter(services),
    foreign: jdcloudRouter(services),
    problems,
    openapi: openapiOf(contracts, VERSION),
    consoleFolder: consoleFolder(),
    certificate,
    alarms: () => machineAlarms(foundations),
  };
  await audit.caughtUp();
  // What cannot be built now (a key that cannot be opened yet) is built by the job of the intent.
  await publisher
    .refresh()
    .catch((error: unknown) => log({ level: "error", error: String(error) }));
  const server = await createServer(parts);
  await server.listen({ host: config.console.host, port: config.console.port });
  const fleet = await listenForFleet(foundations, { certificate, publisher });
  const pki = config.pki && (await listenPlain(plain, config.pki));
  await writeJoinTickets(foundations);
  const following = followEvents({ database, live, consumed: refresh }, ended.signal);
  const jobs = runJobs(jobsOf(foundations, publisher, drain), ended.signal, log);
  const setupUrl = await offerSetup(foundations);
  return {
    details: { address: consoleUrl, ...(setupUrl === undefined ? {} : { setupUrl }) },
    async stop() {
      ended.abort();
      fleet.closeAllConnections();
      fleet.close();
      pki?.closeAllConnections();
      pki?.close();
      await server.close();
      await Promise.all([following, jobs]);
      await audit.caughtUp();
      await auditLog.close();
      await spool.close();
      keyd.close();
      await database.close();
    },
  };
}

/** What the console and the fleet listener are reached by. */
function serverNames(): string[] {
  return [...new Set(["localhost", "127.0.0.1", "::1", config.console.host])];
}

function consoleFolder(): string | undefined {
  const folder = join(programFolder, "console", "dist");
  return existsSync(join(folder, "index.html")) ? folder : undefined;
}

await runDaemon({ name: "server", start });
