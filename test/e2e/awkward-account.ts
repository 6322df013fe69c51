/**
 * Things with long names and things that are broken, one of every kind that has a page: what
 * looks bad in a console, and what must be usable in it all the same.
 */
import { CLIENT, type startProvider } from "../oidc-provider.ts";
import { type ApiReply, PASSWORD, type Stack } from "../stack.ts";

/** One call of the API as an administrator; @returns its result. */
export type Call = (method: string, path: string, body?: unknown) => Promise<ApiReply["result"]>;

/** Calls as the administrator of a stack. @throws when a call is refused. */
export const callOf =
  (stack: Stack): Call =>
  async (method, path, body) => {
    const { error, result } = await stack.api(method, `/v1/${path}`, body ?? {});
    if (error !== undefined) throw new Error(`${method} ${path}: ${JSON.stringify(error)}`);
    return result;
  };

const LONG_HOST = "a-very-long-host-name-that-somebody-really-has.department.subsidiary";
const LONG_NAME = LONG_HOST.slice(0, 60);
const NOTE = LONG_HOST.repeat(3);
const DAY_SECONDS = 86_400;

async function addSites(call: Call): Promise<void> {
  const site = await call("POST", "waf/sites", {
    domains: [`${LONG_HOST}.localhost`, "second.localhost", "third.localhost"],
    upstreams: ["http://127.0.0.1:1", "http://127.0.0.1:2"],
    mode: "observe",
  });
  const { siteId } = site;
  await call("PUT", `delivery/sites/${siteId}/upstreams`, {
    healthPath: "/health",
    healthIntervalSeconds: 3,
    ejectAfterFailures: 3,
    weights: ["http://127.0.0.1:1=10"],
  });
  await call("PUT", `delivery/sites/${siteId}/pages`, {
    pageMode: "protect",
    pagePaths: ["/", `/${"deep/".repeat(20)}index.html`],
  });
  await call("POST", "waf/routes", { siteId, name: NOTE.slice(0, 120), path: "/api", mode: "off" });
  const list = await call("POST", "waf/addressLists", {
    name: "Partners and their offices",
    note: NOTE,
    text: "198.51.100.0/24\n2001:db8::/48",
  });
  const { addressListId } = list;
  await call("PATCH", `waf/sites/${siteId}/policy`, {
    lists: [{ addressListId, action: "allow" }],
    geo: { mode: "blockThese", countries: ["AQ", "BV"], asns: [64_496], unknown: "allow" },
  });
  const limit = {
    keys: [{ by: "ip" }, { by: "path" }],
    requestsMax: 20,
    windowSeconds: 60,
    banSeconds: 60,
    banSecondsMax: 3_600,
    exceeded: "challenge",
  };
  const leaf = {
    field: "header",
    name: "user-agent",
    operator: "contains",
    values: ["curl", NOTE],
  };
  await call("POST", "waf/customRules", {
    siteId,
    name: "Slow down everything that is no browser and comes from outside",
    when: { all: [leaf, { not: { field: "ip", operator: "inList", values: [addressListId] } }] },
    action: { kind: "rateLimit", limit },
    note: NOTE,
  });
  const exclusion = { siteId, ruleId: 942_100, variable: "ARGS:comment", pathPrefix: "/forum" };
  await call("POST", "waf/exclusions", { ...exclusion, note: NOTE });
  await call("POST", "waf/listEntries", { cidr: "203.0.113.0/24", action: "allow", note: NOTE });
}

async function addPeople(call: Call): Promise<void> {
  const statement = [{ effect: "allow", action: ["events:*"], resource: ["*"] }];
  const policy = await call("POST", "iam/policies", {
    name: "Read what the gateways saw",
    document: { version: "1", statement },
  });
  const policyIds = [policy.policyId];
  const user = await call("POST", "iam/users", { name: LONG_NAME, password: PASSWORD });
  await call("PATCH", `iam/users/${user.userId}`, { enabled: false });
  await call("POST", "iam/groups", { name: LONG_NAME, policyIds, description: NOTE });
  const trust = [{ effect: "allow", principal: "*", action: "sts:AssumeRole" }];
  await call("POST", "iam/roles", { name: LONG_NAME, trust: { version: "1", statement: trust } });
  await call("POST", "iam/invitations", { name: `invited-${LONG_NAME}`.slice(0, 60), policyIds });
  await call("POST", "iam/accessKeys", { userId: user.userId });
  await call("POST", "iam/scimCredentials", { name: "Directory of the whole group of companies" });
}

type Provider = Awaited<ReturnType<typeof startProvider>>;

async function addProvider(call: Call, { issuer, trustPem }: Provider): Promise<void> {
  const name = "Single sign-on of the whole group of companies";
  const provider = await call("POST", "iam/oidcProviders", {
    ...{ name, issuer, trustPem, ...CLIENT },
    rules: { provisioning: "create", groupRules: [] },
  });
  await call("PATCH", `iam/oidcProviders/${provider.oidcProviderId}`, { enabled: false });
}

async function addNotifications(call: Call): Promise<void> {
  const mail = await call("POST", "notify/channels", {
    ...{ name: "Night shift of the operations center", kind: "email" },
    ...{ smtpHost: "mail.unreachable.invalid", smtpPort: 465, smtpSecurity: "tls" },
    ...{ from: "cordon@example.com", to: ["night@example.com", "a.very.long.name@example.com"] },
  });
  const hook = await call("POST", "notify/channels", {
    ...{ name: "Ticket system", kind: "webhook", url: "https://tickets.unreachable.invalid/in" },
  });
  await call("POST", `notify/channels/${mail.channel.channelId}:test`);
  await call("PATCH", `notify/channels/${hook.channel.channelId}`, { enabled: false });
  await call("POST", "notify/routes", {
    name: "Grave ones at night, on working days, whatever they are about",
    channelIds: [mail.channel.channelId, hook.channel.channelId],
    severityMin: "informational",
    services: ["waf", "incident", "kms"],
    days: ["mon", "tue", "wed", "thu", "fri"],
    ...{ fromTime: "20:00", toTime: "06:00", timeZone: "Asia/Shanghai", groupSeconds: 60 },
  });
  await call("POST", "notify/silences", {
    reason: `Maintenance of the ${LONG_HOST}`,
    ttlSeconds: 7 * DAY_SECONDS,
    services: ["kms"],
  });
}

async function addKeys(call: Call): Promise<void> {
  const { keyId } = await call("POST", "kms/keys", { description: NOTE.slice(0, 200) });
  await call("POST", "kms/aliases", { aliasName: LONG_NAME.replaceAll(".", "-"), keyId });
  await call("POST", "kms/secrets", { name: LONG_NAME, value: "not shown anywhere" });
  const authority = await call("POST", "certificates/authorities", { name: "Inner names" });
  const sm2 = { name: "Inner names SM2", keyAlgorithm: "SM2" };
  const { authorityId } = await call("POST", "certificates/authorities", sm2);
  await call("POST", `certificates/authorities/${authorityId}:issueSm2Pair`, {
    ...{ name: "Gateway of the inner network", names: [`${LONG_HOST}.internal`] },
    lifetimeSeconds: 3 * DAY_SECONDS,
  });
  await call("POST", "certificates/issuancePolicies", {
    name: "all-hosts-of-the-inner-network",
    authorityId: authority.authorityId,
    allowedNames: ["*.internal", `*.${LONG_HOST}.internal`],
  });
}

/** Fills an account with all of it; the provider only where one can be reached. */
export async function fillAwkwardly(call: Call, provider?: Provider): Promise<void> {
  await addSites(call);
  await addPeople(call);
  if (provider !== undefined) await addProvider(call, provider);
  await addNotifications(call);
  await addKeys(call);
  await call("POST", "incident/responses:blockSource", {
    cidr: "198.51.100.7",
    ttlSeconds: 3_600,
    reason: "Seen twice this week in the logs of another site, so blocked here as well",
  });
}
