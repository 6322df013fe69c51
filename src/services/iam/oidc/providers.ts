/** Handlers of sign-in providers. */

import type { Context } from "../../../kernel/context.ts";
import { timeText } from "../../../kernel/context.ts";
import { type Sealer, secretPurpose } from "../../../kernel/identity/sealer.ts";
import type { Outbound } from "../../../kernel/outbound.ts";
import { Problem } from "../../../kernel/problem.ts";
import type { Handlers } from "../../../kernel/service.ts";
import { violates } from "../../../kernel/store/database.ts";
import { pageInMemory } from "../../../kernel/store/page.ts";
import type { iamContract } from "../contract.ts";
import { limits } from "../domain.ts";
import { refuseBeyondBoundary, refuseBeyondLimit } from "../guards.ts";
import { loadGroup } from "../load.ts";
import { discovered, type ProviderAccess, rootMessage } from "./client.ts";
import { type OidcProvider, type ProviderRules, rulesDefault } from "./resources.ts";
import { oidcStore, type ProviderRow, providerView } from "./store.ts";

export type OidcParts = { readonly sealer: Sealer; readonly outbound: Outbound };

type ProviderHandlers = Pick<
  Handlers<typeof iamContract>,
  | "listOidcProviders"
  | "getOidcProvider"
  | "createOidcProvider"
  | "updateOidcProvider"
  | "testOidcProvider"
  | "deleteOidcProvider"
>;

const fields = ["oidcProviderId", "name", "issuer", "enabled"];

export function providerHandlers(parts: OidcParts): ProviderHandlers {
  return {
    async listOidcProviders({ sql, accountId }, input) {
      const all = (await oidcStore(sql).list(accountId)).map(providerView);
      const page = pageInMemory(all, input, fields);
      return { oidcProviders: page.items, totalCount: page.totalCount };
    },
    getOidcProvider: async (context, { oidcProviderId }) =>
      providerView(await loadProvider(context, oidcProviderId)),
    createOidcProvider: (context, input) => createProvider(parts, context, input),
    updateOidcProvider: (context, input) => updateProvider(parts, context, input),
    async testOidcProvider(context, { oidcProviderId }) {
      const row = await loadProvider(context, oidcProviderId);
      return triedProvider(parts, await accessTo(parts.sealer, row));
    },
    async deleteOidcProvider(context, { oidcProviderId }) {
      refuseBeyondBoundary(context);
      await loadProvider(context, oidcProviderId);
      const store = oidcStore(context.sql);
      await store.endSessions(context.accountId, oidcProviderId);
      await store.delete(context.accountId, oidcProviderId);
      return {};
    },
  };
}

/** @throws Problem iam.oidcProviderNotFound. */
export async function loadProvider(
  { sql, accountId }: Context,
  oidcProviderId: string,
): Promise<ProviderRow> {
  const all = await oidcStore(sql).list(accountId);
  const row = all.find((one) => one.oidcProviderId === oidcProviderId);
  if (row === undefined) throw new Problem("iam.oidcProviderNotFound");
  return row;
}

/** The provider with its secret opened. */
export async function accessTo(sealer: Sealer, row: ProviderRow): Promise<ProviderAccess> {
  const sealed = row.sealedClientSecret;
  const purpose = secretPurpose("oidc client", row.oidcProviderId);
  const clientSecret =
    sealed === null ? undefined : (await sealer.open(sealed, purpose)).toString("utf8");
  return { provider: row, clientSecret };
}

type NewProvider = {
  name: string;
  issuer: string;
  clientId: string;
  clientSecret?: string;
  trustPem?: string | null;
  rules?: Partial<ProviderRules>;
};

async function createProvider(
  parts: OidcParts,
  context: Context,
  input: NewProvider,
): Promise<OidcProvider> {
  const { sql, accountId, nowMs } = context;
  // It gives rights: its rules put people into groups.
  refuseBeyondBoundary(context);
  const store = oidcStore(sql);
  const count = (await store.list(accountId)).length;
  refuseBeyondLimit(count, limits.oidcProvidersMax, "sign-in providers");
  const rules = { ...rulesDefault, ...input.rules };
  await checkRules(context, rules);
  const oidcProviderId = context.newId("oidc");
  const row = {
    oidcProviderId,
    name: input.name,
    issuer: input.issuer,
    clientId: input.clientId,
    trustPem: input.trustPem ?? null,
    rules,
    enabled: true,
    createTime: timeText(nowMs),
    sealedClientSecret: await sealedSecret(parts, oidcProviderId, input.clientSecret),
  };
  // A wrong issuer is found now, by who can mend it, and not by the first who wants to sign in.
  await triedProvider(parts, { provider: row, clientSecret: input.clientSecret });
  await store.insert(accountId, row).catch(nameTaken);
  return providerView({ ...row, accountId });
}

async function updateProvider(
  parts: OidcParts,
  context: Context,
  input: Partial<NewProvider> & { oidcProviderId: string; enabled?: boolean },
): Promise<OidcProvider> {
  const { sql, accountId } = context;
  const { oidcProviderId, name, trustPem, enabled } = input;
  refuseBeyondBoundary(context);
  const before = await loadProvider(context, oidcProviderId);
  const rules = input.rules === undefined ? undefined : { ...before.rules, ...input.rules };
  if (rules !== undefined) await checkRules(context, rules);
  const sealed = await sealedSecret(parts, oidcProviderId, input.clientSecret);
  const change = { name, trustPem, rules, enabled, sealedClientSecret: sealed ?? undefined };
  const store = oidcStore(sql);
  await store.update(accountId, oidcProviderId, change).catch(nameTaken);
  if (enabled === false) await store.endSessions(accountId, oidcProviderId);
  return providerView(await loadProvider(context, oidcProviderId));
}

async function checkRules(context: Context, rules: ProviderRules): Promise<void> {
  const groupIds = new Set(rules.groupRules.flatMap((rule) => rule.groupIds));
  for (const groupId of groupIds) await loadGroup(context, groupId);
}

async function sealedSecret(
  { sealer }: OidcParts,
  oidcProviderId: string,
  secret: string | undefined,
): Promise<Buffer | null> {
  if (secret === undefined) return null;
  return sealer.seal(Buffer.from(secret), secretPurpose("oidc client", oidcProviderId));
}

function nameTaken(error: unknown): never {
  throw violates(error, "oidc_provider_name_unique")
    ? new Problem("iam.oidcProviderNameTaken")
    : error;
}

async function triedProvider({ outbound }: OidcParts, access: ProviderAccess) {
  try {
    const server = (await discovered(outbound, access)).serverMetadata();
    const { trustPem } = access.provider;
    const keys = await outbound.request({
      url: server.jwks_uri ?? "",
      ...(trustPem === null ? {} : { trustPem }),
    });
    const set = JSON.parse(keys.body.toString("utf8")) as { keys?: unknown[] };
    return {
      authorizationEndpoint: server.authorization_endpoint ?? "",
      tokenEndpoint: server.token_endpoint ?? "",
      keys: set.keys?.length ?? 0,
      namesItself: server.authorization_response_iss_parameter_supported === true,
    };
  } catch (error) {
    // Whoever may write providers is told what is wrong with one.
    const details = [{ path: "/issuer", message: rootMessage(error) }];
    throw new Problem("iam.oidcUnreachable", { details, cause: error });
  }
}
