/**
 * The gateway's worker as `cordon conformance crs --socket` runs it: one site in mode `observe` for
 * every host of the tests, and for each request a report of the rules that matched.
 */
import { beginTransaction, compileExclusions } from "../../engines/seclang/engine.ts";
import {
  type ConformanceReport,
  type ConformanceSite,
  readConformanceSite,
} from "../../kernel/rules/conformance-messages.ts";
import { loadRuleset, setupFileOf } from "../../kernel/rules/load.ts";
import { createInspectors } from "./inspector.ts";
import type { GatewayIntent } from "./intent.ts";
import { startWorker } from "./worker.ts";

/** Short, because tests that send half a request wait for the end of their time. */
const limits = {
  headReadTimeoutMs: 300,
  keepAliveTimeoutMs: 300,
  bodyRateWindowMs: 300,
  lingerTimeoutMs: 100,
  sweepMs: 50,
} as const;
const REQUEST_BODY_BYTES_MAX = 13_107_200;

const say = (message: ConformanceReport): void => {
  if (process.connected) process.send?.(message);
};

function intentOf({ rules, upstreamPort, hosts }: ConformanceSite): GatewayIntent {
  const site: GatewayIntent["sites"][number] = {
    siteId: "site-conformance",
    accountId: "acct-conformance",
    domains: hosts,
    upstreams: [`http://127.0.0.1:${upstreamPort}`],
    mode: "observe",
    paranoiaLevel: 4,
    inboundThreshold: 5,
    outboundThreshold: 4,
    requestBodyBytesMax: REQUEST_BODY_BYTES_MAX,
    failOpen: true,
    ruleset: "crs",
    exclusions: [],
    certificatePem: "",
    privateKeyPem: "",
    trustedProxies: [],
    redirectToHttps: false,
  };
  return { version: 1, sites: [site], sources: [], rulesets: [{ name: "crs", folder: rules }] };
}

async function run(asked: ConformanceSite): Promise<void> {
  const variables = new Map(asked.variables);
  const begun = new Map<number, ReturnType<typeof beginTransaction>>();
  const begin: typeof beginTransaction = (ruleset, connection, options) => {
    const given = { ...options, engine: "detectionOnly", variables } as const;
    const transaction = beginTransaction(ruleset, connection, given);
    begun.set(connection.remotePort, transaction);
    return transaction;
  };
  const worker = await startWorker({
    host: "127.0.0.1",
    httpPort: 0,
    httpsPort: 0,
    limits,
    emit: (event) => {
      if (event.class_uid !== 4002) return true;
      const clientPort = event.src_endpoint.port;
      const matches = (begun.get(clientPort)?.matches() ?? []).map(
        ({ ruleId, message, logData }) => ({ ruleId, message, logData }),
      );
      begun.delete(clientPort);
      say({ kind: "request", clientPort, reason: event.status_detail, matches });
      return true;
    },
    inspectorOf: createInspectors({ beginTransaction: begin, compileExclusions }, (rulesFolder) =>
      loadRuleset({ rulesFolder, setupFile: setupFileOf(rulesFolder) }),
    ).of,
    beforeListen: async (apply) => apply(intentOf(asked)),
  });
  say({ kind: "listening", port: worker.httpPort });
}

process.once("message", (value) => {
  const asked = readConformanceSite(value);
  if (asked === null) throw new Error("Cannot start: what was asked is no conformance run");
  void run(asked);
});
process.on("disconnect", () => process.exit(0));
