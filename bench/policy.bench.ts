/** Microseconds per decision with 1,000 policies, and beside it cedar-wasm. */
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import {
  type AccessRequest,
  compileJsonPolicy,
  compilePolicySet,
  decide,
} from "../src/engines/policy/index.ts";
import { printRow } from "./row.ts";

const POLICIES = 1_000;
const services = ["waf", "iam", "audit", "events", "incident", "fleet"];

/** Action names are letters: 27 becomes `BB`. */
function letters(at: number): string {
  return [...String(at)].map((digit) => String.fromCharCode(65 + Number(digit))).join("");
}

function documentOf(at: number) {
  const service = services[at % services.length] ?? "waf";
  const condition =
    at % 3 === 0
      ? { condition: { IpAddress: { "cordon:SourceIp": `10.${at % 250}.0.0/16` } } }
      : {};
  return {
    version: "1",
    statement: [
      {
        effect: at % 50 === 0 ? "deny" : "allow",
        action: `${service}:Action${letters(at)}`,
        resource: `crn:${service}::*:thing/${at}`,
        ...condition,
      },
    ],
  };
}

const sources = Array.from({ length: POLICIES }, (_, at) => ({
  policyId: `p${at}`,
  document: documentOf(at),
}));
const set = compilePolicySet(sources);
const requestOf = (at: number): AccessRequest => ({
  principal: { type: "user", id: "user-0000000001", name: "ada" },
  action: `${services[at % services.length]}:Action${letters(at)}`,
  resource: `crn:${services[at % services.length]}::acc-0000000001:thing/${at}`,
  sourceIp: `10.${at % 250}.3.4`,
  timeMs: 0,
  secureTransport: true,
});

const rounds = 200_000;
for (let at = 0; at < rounds / 10; at += 1) decide(set, requestOf(at % POLICIES));
const before = process.cpuUsage();
for (let at = 0; at < rounds; at += 1) decide(set, requestOf(at % POLICIES));
const used = process.cpuUsage(before);
const micros = (used.user + used.system) / rounds;
const unit = "µs CPU per decision";
printRow({ bench: "policy", what: `${POLICIES} policies`, value: micros, unit, goal: "≤ 20" });

const staticPolicies = Object.fromEntries(
  sources.flatMap(({ policyId, document }) => {
    const compiled = compileJsonPolicy(document);
    return "policies" in compiled
      ? compiled.policies.map((one, at) => [`${policyId}#${at}`, one] as const)
      : [];
  }),
);
const cedarRounds = 30;
const cedarBefore = process.cpuUsage();
for (let at = 0; at < cedarRounds; at += 1) {
  cedar.isAuthorized({
    principal: { type: "User", id: "user-0000000001" },
    action: { type: "Action", id: requestOf(at).action },
    resource: { type: "Resource", id: "thing" },
    context: {
      action: requestOf(at).action,
      resource: requestOf(at).resource,
      sourceIp: { __extn: { fn: "ip", arg: requestOf(at).sourceIp } },
    },
    policies: { staticPolicies: staticPolicies as unknown as Record<string, cedar.Policy> },
    entities: [],
  });
}
const cedarUsed = process.cpuUsage(cedarBefore);
const cedarMicros = (cedarUsed.user + cedarUsed.system) / cedarRounds;
printRow({
  bench: "policy",
  what: "beside cedar-wasm, which parses each time",
  value: micros,
  unit,
  peer: { name: "cedar-wasm", value: cedarMicros },
  ratio: cedarMicros / micros,
});
