/** Where each resource of the contracts has its pages, and which fields its list can filter by. */
import { catalog, contracts } from "../../../src/catalog.ts";
import type { Contract, Operation, Resource } from "../../../src/kernel/operation.ts";
import { type FilterToken, writeTokens } from "./filter-text.ts";

export type Shown = {
  readonly path: string;
  readonly contract: Contract;
  readonly resource: Resource;
  /** Fields that the server filters and sorts by; the contracts do not say it. */
  readonly filterable: readonly string[];
  /** Fields of what the items count, which choose what is counted; nothing is sorted by them. */
  readonly countedBy: readonly string[];
  /** False when the list has an order of its own and takes none. */
  readonly sortable: boolean;
};

type Options = { readonly sortable?: boolean; readonly countedBy?: readonly string[] };

function shown(
  path: string,
  contract: Contract,
  name: string,
  filterable: string,
  { sortable = true, countedBy = [] }: Options = {},
): Shown[] {
  const resource = contract.resources.find((candidate) => candidate.name === name);
  if (resource === undefined) return [];
  const fields = filterable === "" ? [] : filterable.split(" ");
  return [{ path, contract, resource, filterable: fields, countedBy, sortable }];
}

/** Fields of a request that named somebody; each of the three lists about them takes them all. */
export const requestFields: readonly string[] =
  "userName sourceIp method host path status disposition userAgent".split(" ");

/** The same without those that the items of a list have. */
const countedWithout = (own: string): readonly string[] =>
  requestFields.filter((field) => !own.split(" ").includes(field));

const {
  waf,
  appgateway,
  kms,
  encryption,
  certificates,
  delivery,
  incident,
  iam,
  sts,
  audit,
  fleet,
  account,
  events,
  notify,
  backup,
} = catalog;
const listed: readonly Shown[] = [
  ...shown("sites", waf, "site", "domains mode upstreams paranoiaLevel state siteId"),
  ...shown("routes", waf, "route", "siteId name match path mode bypass"),
  ...shown("custom-rules", waf, "customRule", "siteId name enabled position"),
  ...shown("virtual-patches", waf, "virtualPatch", "patchId title"),
  ...shown("address-lists", waf, "addressList", "name note entries"),
  ...shown("rule-sets", waf, "ruleSet", "name version sha256 rules origin"),
  ...shown("geo-databases", waf, "geoDatabase", "kind databaseType inForce isOutdated origin"),
  ...shown("exclusions", waf, "exclusion", "siteId pathPrefix ruleId variable createdBy"),
  ...shown("list-entries", waf, "listEntry", "cidr action siteId note"),
  ...shown("rules", waf, "rule", "ruleId message severity paranoiaLevel phase file"),
  ...shown("guarded-pages", delivery, "guardedPage", "path siteId state gateway"),
  ...shown("upstream-states", delivery, "upstreamState", "upstream siteId gateway state"),
  ...shown(
    "site-users",
    appgateway,
    "siteUser",
    "userName requestCount urlCount blockedCount errorCount sourceCount firstTime lastTime",
    { countedBy: countedWithout("userName") },
  ),
  ...shown(
    "user-urls",
    appgateway,
    "userUrl",
    "path method userCount requestCount blockedCount successCount clientErrorCount errorCount " +
      "latencyP50Ms latencyP95Ms firstTime lastTime",
    { countedBy: countedWithout("path method") },
  ),
  ...shown("user-requests", appgateway, "userRequest", `${requestFields.join(" ")} latencyMs time`),
  ...shown("keys", kms, "key", "keyId description spec usage origin state aliases region"),
  ...shown("aliases", kms, "alias", "aliasName keyId"),
  ...shown("grants", kms, "grant", "grantId keyId name grantee retiring operations"),
  ...shown("secrets", kms, "secret", "name secretId description state"),
  ...shown("token-profiles", encryption, "tokenProfile", "name kind mode format enabled"),
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
    "severity title sourceIp siteId status categories eventCount scoreTotal lastTime incidentId",
  ),
  ...shown("groups", iam, "group", "name groupId policyIds userIds"),
  ...shown("roles", iam, "role", "name roleId policyIds boundaryPolicyId"),
  ...shown("role-sessions", sts, "roleSession", "name roleId sourcePrincipalId"),
  ...shown(
    "findings",
    incident,
    "finding",
    "severity category sourceIp siteId incidentId findingId",
  ),
  ...shown("responses", incident, "response", "state cidr siteId automatic incidentId responseId"),
  ...shown("users", iam, "user", "name userId enabled policyIds createTime"),
  ...shown("policies", iam, "policy", "name policyId managed updateTime"),
  ...shown("resource-policies", iam, "resourcePolicy", "resource"),
  ...shown("bearer-keys", iam, "bearerKey", "name bearerKeyId userId"),
  ...shown("access-keys", iam, "accessKey", "accessKeyId userId enabled"),
  ...shown("invitations", iam, "invitation", "name userId createdBy"),
  ...shown("scim-credentials", iam, "scimCredential", "name oidcProviderId"),
  ...shown("oidc-providers", iam, "oidcProvider", "name issuer enabled"),
  ...shown("sessions", iam, "session", "sessionId userId sourceIp"),
  ...shown(
    "audit",
    audit,
    "entry",
    "operation resource principalName principalId sourceIp decision code requestId",
    { sortable: false },
  ),
  ...shown("channels", notify, "channel", "name kind target enabled lastState channelId"),
  ...shown(
    "notification-routes",
    notify,
    "notificationRoute",
    "name severityMin services channelIds enabled routeId",
  ),
  ...shown("silences", notify, "silence", "services resource severityMax createdBy silenceId"),
  ...shown("deliveries", notify, "delivery", "state channelId", { sortable: false }),
  ...shown("backups", backup, "backup", "name kind backupId"),
  ...shown("nodes", fleet, "node", "name nodeId plane state"),
  ...shown("accounts", account, "account", ""),
  ...shown("guardrails", account, "guardrail", "name guardrailId"),
  ...shown(
    "search",
    events,
    "event",
    "sourceIp disposition method host path status score siteId userAgent userName ja4 ruleIds message classUid severityId activity",
  ),
];

/** "listEntry" → "list-entries". */
export function pathOfResource(name: string): string {
  const dashed = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (dashed.endsWith("y")) return `${dashed.slice(0, -1)}ies`;
  return dashed.endsWith("s") ? `${dashed}es` : `${dashed}s`;
}

/** A resource that nobody listed above still has its pages; it cannot be filtered. */
function unlisted(): Shown[] {
  const known = new Set(listed.map(({ resource }) => resource));
  return contracts.flatMap((contract) =>
    contract.resources
      .filter((resource) => !known.has(resource) && resource.list !== undefined)
      .flatMap(({ name }) => shown(pathOfResource(name), contract, name, "", { sortable: false })),
  );
}

/** Every resource that has pages. */
export const allShown: readonly Shown[] = [...listed, ...unlisted()];

/** True for parts of something else: their list needs its id, so it has no page of its own. */
export function isPart({ contract, resource: { list = "" } }: Shown): boolean {
  const input: { readonly required?: readonly string[] } = contract.operations[list]?.input ?? {};
  return (input.required ?? []).length > 0;
}

export const resourceAt = (path: string): Shown | undefined =>
  allShown.find((candidate) => candidate.path === path);

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

/** A field of an item, in the reader's language where it has words of ours: `told` of the words. */
type Told = (item: Item, field: string) => unknown;

/** What stands for an item in a heading or a question. */
export function nameOf({ resource }: Shown, item: Item, told: Told): string {
  const title = told(item, resource.titleField) ?? item[resource.idField];
  return String(Array.isArray(title) ? title[0] : title);
}

const PATH_BY_FIELD: Readonly<Record<string, string>> = {
  siteIds: "sites",
  parentId: "authorities",
  policyIds: "policies",
  determiningPolicyIds: "policies",
  activeResponseId: "responses",
  uid: "search",
  eventUids: "search",
  ...Object.fromEntries(
    allShown
      .filter(({ resource }) => resource.idField !== "entryId" && resource.idField !== "uid")
      .filter(({ resource }) => resource.get !== undefined)
      .map(({ resource, path }) => [resource.idField, path]),
  ),
};

/** Address of the page about an id, if there is one. */
export function hrefOf(field: string, id: string): string | undefined {
  const path = PATH_BY_FIELD[field];
  if (path === undefined || id === "" || !/^[\w-]+$/.test(id)) return undefined;
  const of = resourceAt(path);
  if (of?.resource.get !== undefined) return `/${path}/${encodeURIComponent(id)}`;
  return listAddress(path, [{ field: of?.resource.idField, operator: "=", value: id }]);
}

/** Address of a list with these filters. */
export function listAddress(path: string, tokens: readonly FilterToken[], more = ""): string {
  const query = new URLSearchParams(more);
  if (tokens.length > 0) query.set("filter", writeTokens(tokens));
  return query.size === 0 ? `/${path}` : `/${path}?${query}`;
}
