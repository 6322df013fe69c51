/**
 * The control plane's operations for one test file: real PostgreSQL, audit log and pipeline, every
 * service, no listener, no lake and no gateway.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { composedTexts, contracts } from "../src/catalog.ts";
import type { AuditRecord, AuditSink } from "../src/kernel/audit.ts";
import { createIndexedAudit } from "../src/kernel/audit-index.ts";
import { openAuditLog } from "../src/kernel/audit-log/audit-log.ts";
import { correctUncommitted } from "../src/kernel/audit-log/recover.ts";
import { programFolder, readConfig } from "../src/kernel/config.ts";
import { createLiveEvents } from "../src/kernel/events/live.ts";
import { type PipelineParts, runCall } from "../src/kernel/http/pipeline.ts";
import { createRateLimiter } from "../src/kernel/http/rate-limit.ts";
import { createRouter } from "../src/kernel/http/route.ts";
import { newId } from "../src/kernel/id.ts";
import { createAuthorizer } from "../src/kernel/identity/authorize.ts";
import { breachedPasswords } from "../src/kernel/identity/breached-passwords.ts";
import { fileSealer } from "../src/kernel/identity/sealer.ts";
import { createNonceMemory } from "../src/kernel/identity/signed-request.ts";
import { signingKey } from "../src/kernel/keys.ts";
import { connectLake } from "../src/kernel/lake/client.ts";
import { lakeSocket } from "../src/kernel/lake/socket.ts";
import { createOutbound } from "../src/kernel/outbound.ts";
import { connectionFor } from "../src/kernel/postgres/connection.ts";
import { postgresChild } from "../src/kernel/postgres/server.ts";
import { Problem, problemCatalog } from "../src/kernel/problem.ts";
import { createChild } from "../src/kernel/process/child.ts";
import type { Service } from "../src/kernel/service.ts";
import { openDatabase } from "../src/kernel/store/database.ts";
import { migrate } from "../src/kernel/store/migrate.ts";
import { accountService, renewSetupToken } from "../src/services/account/service.ts";
import { appgatewayService } from "../src/services/appgateway/service.ts";
import { auditService } from "../src/services/audit/service.ts";
import { deliveryService } from "../src/services/delivery/service.ts";
import { eventsService } from "../src/services/events/service.ts";
import { fleetService, gatewayReports } from "../src/services/fleet/service.ts";
import { credentialLookup } from "../src/services/iam/credentials.ts";
import { createFirstAdministrator } from "../src/services/iam/first-administrator.ts";
import { roleDirectory } from "../src/services/iam/role-directory.ts";
import { iamService } from "../src/services/iam/service.ts";
import { incidentService } from "../src/services/incident/service.ts";
import { mailChannelIds } from "../src/services/notify/mail-files.ts";
import { notifyService } from "../src/services/notify/service.ts";
import { stsService } from "../src/services/sts/service.ts";
import { ruleLibrary } from "../src/services/waf/library.ts";
import { wafService } from "../src/services/waf/service.ts";
import { wafStore } from "../src/services/waf/store.ts";
import type { ApiReply } from "./stack.ts";

const LOG = "cp-0000000000";
export const PASSWORD = "correct horse battery staple";

type Opened = {
  readonly config: ReturnType<typeof readConfig>;
  readonly database: ReturnType<typeof openDatabase>;
  readonly authorizer: ReturnType<typeof createAuthorizer>;
  readonly sealer: ReturnType<typeof fileSealer>;
  readonly auditLog: Awaited<ReturnType<typeof openAuditLog>>;
  readonly auditKey: ReturnType<typeof signingKey>;
};

type Services = () => readonly Service[];

function allServices(opened: Opened, all: Services): Service[] {
  const { config, database, authorizer, sealer, auditLog, auditKey } = opened;
  const library = ruleLibrary(() => undefined);
  const lake = connectLake({ socketPath: lakeSocket(config) });
  const breached = breachedPasswords(join(config.dataFolder, "breached-passwords"));
  const waf = wafService({ database, gateways: () => gatewayReports(database), library, lake });
  return [
    accountService({ createFirstAdministrator }),
    iamService({
      ...{ database, authorizer, contracts, sealer, breached },
      hosts: ["localhost"],
      serviceOf: (name) => all().find(({ contract }) => contract.service === name),
      outbound: createOutbound({ privateTargets: ["127.0.0.1/32"], resolver: undefined }),
    }),
    stsService({ authorizer, sealer, findRole: roleDirectory(database).find }),
    auditService({ log: auditLog, name: LOG, publicKeyPem: auditKey.publicKeyPem }),
    deliveryService({
      siteUpstreams: async (sql, accountId, siteId) =>
        (await wafStore(sql).getSite(accountId, siteId))?.upstreams,
      siteIds: async (sql, accountId) =>
        (await wafStore(sql).listSites(accountId)).map(({ siteId }) => siteId),
      hasKey: async () => false,
      reports: async () => [],
    }),
    waf,
    appgatewayService({
      ...{ database, lake, sealer, fontFile: undefined, clock: Date.now, report: () => {} },
      gateway: { address: "127.0.0.1", httpPort: 9, httpsPort: 9 },
      unservedReason: async () => "",
      mailChannelIds,
      site: (sql, accountId, siteId) => wafStore(sql).getSite(accountId, siteId),
      exclusions: async () => [],
      createExclusion: () => Promise.reject(new Error("there is no lake to learn from")),
    }),
    eventsService({ lake, live: createLiveEvents(), phaseOf: library.phaseOf }),
    incidentService(),
    notifyService({
      ...{ sealer, texts: composedTexts, clock: Date.now },
      outbound: createOutbound({ privateTargets: ["127.0.0.1"], resolver: undefined }),
    }),
    fleetService({ database, alarms: () => [], metricsText: async () => "" }),
  ];
}

/** PostgreSQL of a data folder, started. */
export async function startPostgres(config: Opened["config"]) {
  mkdirSync(config.folders.logs, { recursive: true });
  const postgres = createChild(postgresChild(config), {
    onChange: () => {},
    onProgress: () => {},
    logsFolder: config.folders.logs,
  });
  await postgres.start();
  await migrate(connectionFor(config), join(programFolder, "src", "migrations"));
  return postgres;
}

type More = readonly Service[] | ((opened: Opened) => readonly Service[]);

/** Opens what stands in a data folder whose PostgreSQL runs, and corrects what a crash left. */
export async function openOperations(config: Opened["config"], more: More = []) {
  const database = openDatabase(connectionFor(config));
  const auditKey = signingKey(config.folders.keys, "audit");
  const auditLog = await openAuditLog({
    folder: config.folders.audit,
    origin: "cordon.local/audit",
    signingKeyPem: auditKey.privateKeyPem,
  });
  await correctUncommitted(auditLog, database);
  const authorizer = createAuthorizer();
  const sealer = fileSealer(config.folders.keys);
  const opened = { config, database, authorizer, sealer, auditLog, auditKey };
  const added = typeof more === "function" ? more(opened) : more;
  const services: Service[] = [...allServices(opened, () => services), ...added];
  const problems = problemCatalog(services.map(({ contract }) => contract));
  const audit = createIndexedAudit({ log: auditLog, name: LOG, database, report: () => {} });
  const refusable = refusableAudit(audit);
  const parts: PipelineParts = {
    database,
    credentials: credentialLookup(database, sealer),
    authorizer,
    audit: refusable,
    rateLimiter: createRateLimiter(),
    nonces: createNonceMemory(),
    clock: Date.now,
    newId,
    codeOf: (problem) => problems.errorBody(problem).code,
    log: () => {},
    intentChanged: () => {},
    eventsWritten: () => {},
  };
  const call = callerOf(parts, { router: createRouter(services), problems });
  return { database, sealer, audit, auditLog, refusable, call };
}

/** Sets up the account `main` with its administrator; @returns his bearer key. */
export async function setUp({
  database,
  call,
}: Pick<Awaited<ReturnType<typeof openOperations>>, "database" | "call">): Promise<string> {
  const token = (await renewSetupToken(database, Date.now())) ?? "";
  const first = { token, accountName: "main", userName: "admin", password: PASSWORD };
  await call("POST", "/v1/account/setup:complete", { body: first, key: "" });
  return signIn(call, { accountName: "main", userName: "admin", password: PASSWORD });
}

/** Starts it with the account `main` and its administrator; more services may join. */
export async function startOperations(more: More = []) {
  const dataFolder = mkdtempSync(join(tmpdir(), "cordon-kit-"));
  const config = readConfig({ CORDON_DATA: dataFolder });
  const postgres = await startPostgres(config);
  const { database, sealer, audit, auditLog, refusable, call } = await openOperations(config, more);
  const key = await setUp({ database, call });
  return {
    database,
    sealer,
    /** A call as the administrator of `main`, or with another bearer key. */
    api: (method: string, path: string, body?: unknown, other?: string) =>
      call(method, path, { body, key: other ?? key }),
    keyOf: (accountName: string, userName: string) =>
      signIn(call, { accountName, userName, password: PASSWORD }),
    call,
    /** From now on the audit log refuses every record, as on a full disk; or takes them again. */
    refuseRecords: refusable.refuse,
    /** Resolves when the list of audit entries holds every call. */
    recorded: () => audit.caughtUp(),
    async stop() {
      await audit.caughtUp();
      await auditLog.close();
      await database.close();
      await postgres.stop();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

/** The audit log, and a way to make it refuse records. */
function refusableAudit(audit: AuditSink) {
  let full = false;
  return {
    append: (record: AuditRecord) =>
      full ? Promise.reject(new Error("the audit log's disk is full")) : audit.append(record),
    refuse(refused: boolean): void {
      full = refused;
    },
  };
}

export type Operations = Awaited<ReturnType<typeof startOperations>>;

type Given = {
  body?: unknown;
  key: string;
  headers?: Record<string, string>;
  device?: string | undefined;
  /** Where the call seems to come from; limits of rate count by it. */
  sourceIp?: string;
};
/** An answer, and what it says to the browser. */
export type Reply = ApiReply & { readonly session: string; readonly device: string };
type Caller = (method: string, path: string, given: Given) => Promise<Reply>;

function callerOf(
  parts: PipelineParts,
  routing: {
    router: ReturnType<typeof createRouter>;
    problems: ReturnType<typeof problemCatalog>;
  },
): Caller {
  return async (method, target, { body, key, headers, device, sourceIp = "127.0.0.1" }) => {
    const [path = "", query = ""] = target.split("?");
    const matched = routing.router.match(method, path);
    if (matched === undefined) throw new Error(`No operation answers ${method} ${path}`);
    const told = { session: "", device: device ?? "" };
    const bearer = key === "" ? {} : { authorization: `Bearer ${key}` };
    const sent = { "content-type": "application/json", ...bearer, ...headers };
    const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
    try {
      const result = await runCall(parts, {
        requestId: parts.newId("req"),
        ...matched,
        query,
        headers: sent,
        body: bytes,
        signed: { method, path, query, headers: sent, body: bytes, service: "" },
        deviceToken: device,
        setDeviceCookie: (token) => {
          told.device = token;
        },
        sourceIp,
        signal: () => new AbortController().signal,
        setSessionCookie: (token) => {
          told.session = token ?? "";
        },
      });
      return { code: 200, result: JSON.parse(JSON.stringify(result)), error: undefined, ...told };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const body = routing.problems.errorBody(error);
      const said = { ...body, details: [...body.details] };
      return { code: body.code, result: undefined, error: said, ...told };
    }
  };
}

/** Signs in with a password; @returns a bearer key of the user. */
export async function signIn(caller: Caller, user: Record<string, string>): Promise<string> {
  const signedIn = await caller("POST", "/v1/iam/session:signIn", { body: user, key: "" });
  const made = await caller("POST", "/v1/iam/bearerKeys", {
    body: { userId: signedIn.result.caller.principalId, name: "test" },
    key: "",
    headers: {
      cookie: `__Host-cordon_session=${signedIn.session}`,
      "x-cordon-csrf": signedIn.result.csrfToken,
    },
  });
  return made.result.secret;
}
