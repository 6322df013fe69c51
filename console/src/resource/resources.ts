/** Where each resource of the contracts has its pages, and which fields its list can filter by. */
import { catalog } from "../../../src/catalog.ts";
import type { Contract, Operation, Resource } from "../../../src/kernel/operation.ts";

export type Shown = {
  readonly path: string;
  readonly contract: Contract;
  readonly resource: Resource;
  /** Fields that the server filters and sorts by; the contracts do not say it. */
  readonly filterable: readonly string[];
};

function shown(path: string, contract: Contract, name: string, filterable: string): Shown[] {
  const resource = contract.resources.find((candidate) => candidate.name === name);
  if (resource === undefined) return [];
  return [{ path, contract, resource, filterable: filterable === "" ? [] : filterable.split(" ") }];
}

const { waf, certificates, incident, iam, audit, fleet, account } = catalog;
const all: readonly Shown[] = [
  ...shown("sites", waf, "site", "domains mode upstreams paranoiaLevel state siteId"),
  ...shown("exclusions", waf, "exclusion", "siteId pathPrefix ruleId variable createdBy"),
  ...shown("list-entries", waf, "listEntry", "cidr action siteId note"),
  ...shown("rules", waf, "rule", "ruleId message severity paranoiaLevel phase file"),
  ...shown(
    "certificates",
    certificates,
    "certificate",
    "name names state keyAlgorithm issuer expireTime weaknesses siteIds",
  ),
  ...shown("bindings", certificates, "binding", "siteId certificateId state"),
  ...shown(
    "certificate-findings",
    certificates,
    "certificateFinding",
    "severity kind names siteIds expireTime",
  ),
  ...shown("orders", certificates, "order", "names state challenge failures acmeProviderId"),
  ...shown("acme-providers", certificates, "acmeProvider", "name directoryUrl"),
  ...shown("dns-providers", certificates, "dnsProvider", "name kind target"),
  ...shown("authorities", certificates, "authority", "name kind expireTime"),
  ...shown("issuance-policies", certificates, "issuancePolicy", "name allowedNames enabled"),
  ...shown("external-accounts", certificates, "externalAccount", "name issuancePolicyId"),
  ...shown(
    "issued-certificates",
    certificates,
    "issuedCertificate",
    "names serialNumber expireTime revokeTime",
  ),
  ...shown(
    "incidents",
    incident,
    "incident",
    "severity title sourceIp siteId status eventCount scoreTotal lastTime",
  ),
  ...shown("findings", incident, "finding", "severity category sourceIp siteId incidentId"),
  ...shown("responses", incident, "response", "state cidr siteId automatic incidentId"),
  ...shown("users", iam, "user", "name userId enabled createTime"),
  ...shown("policies", iam, "policy", "name policyId managed updateTime"),
  ...shown("bearer-keys", iam, "bearerKey", "name bearerKeyId userId"),
  ...shown("sessions", iam, "session", "sessionId userId sourceIp"),
  ...shown("audit", audit, "entry", "operation resource principalName sourceIp decision code"),
  ...shown("nodes", fleet, "node", ""),
  ...shown("accounts", account, "account", ""),
];

export const resourceAt = (path: string): Shown | undefined =>
  all.find((candidate) => candidate.path === path);

/** An operation of the resource's contract; undefined when the resource has none of the kind. */
export function operationOf(
  { contract, resource }: Shown,
  kind: "list" | "get" | "create" | "update" | "delete",
): Operation | undefined {
  const key = resource[kind];
  return key === undefined ? undefined : contract.operations[key];
}

export type Item = Readonly<Record<string, unknown>>;

/** The items of a list's answer: its one array. */
export function itemsOf(answer: Item): Item[] {
  const found = Object.values(answer).find((value) => Array.isArray(value));
  return Array.isArray(found) ? found : [];
}

const PATH_BY_FIELD: Readonly<Record<string, string>> = {
  siteId: "sites",
  siteIds: "sites",
  certificateId: "certificates",
  orderId: "orders",
  authorityId: "authorities",
  parentId: "authorities",
  issuancePolicyId: "issuance-policies",
  incidentId: "incidents",
  userId: "users",
  policyId: "policies",
  policyIds: "policies",
  nodeId: "nodes",
  accountId: "accounts",
  uid: "search",
  eventUids: "search",
};

/** Address of the page about an id, if there is one. */
export function hrefOf(field: string, id: string): string | undefined {
  const path = PATH_BY_FIELD[field];
  return path === undefined || id === "" ? undefined : `/${path}/${encodeURIComponent(id)}`;
}
