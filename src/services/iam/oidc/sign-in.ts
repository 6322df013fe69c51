/**
 * Signing in by a provider: the browser is sent there with a state, and comes back with a code.
 * A state is good once, in the browser that began, for the provider it was begun with.
 */
import { timingSafeEqual } from "node:crypto";
import type { Context } from "../../../kernel/context.ts";
import { newSecret } from "../../../kernel/id.ts";
import { hashSecret } from "../../../kernel/identity/authenticate.ts";
import { Problem } from "../../../kernel/problem.ts";
import type { Handlers } from "../../../kernel/service.ts";
import type { iamContract } from "../contract.ts";
import { attemptCeremony, beginCeremony, endCeremony, type FactorParts } from "../factors.ts";
import { enterOrChallenge } from "../sign-in.ts";
import { signInStore } from "../store.ts";
import {
  type Attempt,
  authorizationUrl,
  createGate,
  discovered,
  exchangedClaims,
  type Gate,
  providerProblem,
  providerSignOutUrl,
} from "./client.ts";
import { admittedUser } from "./people.ts";
import { accessTo, type OidcParts } from "./providers.ts";
import { claimsWanted, personOf } from "./rules.ts";
import { oidcSignInStore, type ProviderRow, redirectPathOf } from "./store.ts";

type Parts = OidcParts & FactorParts;

type OidcSignInHandlers = Pick<
  Handlers<typeof iamContract>,
  "listSignInProviders" | "beginOidcSignIn" | "completeOidcSignIn"
>;

export function oidcSignInHandlers(parts: Parts): OidcSignInHandlers {
  const gate = createGate();
  return {
    async listSignInProviders({ sql }, { accountName }) {
      return { providers: await oidcSignInStore(sql).enabledOf(accountName) };
    },
    beginOidcSignIn: (context, { oidcProviderId }) =>
      begin(parts, context, { gate, oidcProviderId }),
    completeOidcSignIn: (context, input) => complete(parts, context, { gate, ...input }),
  };
}

/** @throws Problem iam.oidcHost: only names of this console are ever sent to a provider. */
function redirectUriOf(context: Context, hosts: readonly string[], oidcProviderId: string): string {
  const name = context.host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  if (!hosts.includes(name)) throw new Problem("iam.oidcHost");
  return `https://${context.host}${redirectPathOf(oidcProviderId)}`;
}

async function begin(
  parts: Parts,
  context: Context,
  { gate, oidcProviderId }: { gate: Gate; oidcProviderId: string },
) {
  const provider = await oidcSignInStore(context.sql).enabled(oidcProviderId);
  if (provider === undefined) throw new Problem("iam.oidcProviderNotFound");
  const redirectUri = redirectUriOf(context, parts.hosts, oidcProviderId);
  const deviceToken = context.deviceToken ?? newSecret();
  const data = { oidcProviderId, redirectUri, device: hashSecret(deviceToken).toString("hex") };
  const state = await beginCeremony(parts, context, {
    kind: "oidcSignIn",
    accountId: provider.accountId,
    userId: null,
    data,
  });
  const attempt = { redirectUri, state, deviceToken };
  const url = await asked(gate, provider, async () => {
    const config = await discovered(parts.outbound, await accessTo(parts.sealer, provider));
    return authorizationUrl(config, attempt, provider.rules.scopes);
  });
  context.setDeviceCookie(deviceToken);
  return { authorizationUrl: url };
}

/** Asks the provider; who signs in is told no more than that it failed. */
async function asked<Result>(
  gate: Gate,
  { accountId }: ProviderRow,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await gate(accountId, work);
  } catch (error) {
    throw providerProblem(error);
  }
}

type Returned = { oidcProviderId: string; state: string; code: string; iss?: string };

async function complete(
  parts: Parts,
  context: Context,
  { gate, ...returned }: Returned & { gate: Gate },
) {
  const attempt = await attemptOf(parts, context, returned);
  const provider = await oidcSignInStore(context.sql).enabled(returned.oidcProviderId);
  if (provider === undefined) throw new Problem("iam.oidcFailed");
  const wanted = claimsWanted(provider.rules);
  const { claims, signOutUrl } = await asked(gate, provider, async () => {
    const config = await discovered(parts.outbound, await accessTo(parts.sealer, provider));
    return {
      claims: await exchangedClaims(config, attempt, { ...returned, wanted }),
      signOutUrl: providerSignOutUrl(config, attempt.redirectUri),
    };
  });
  const person = personOf(claims, provider.rules);
  if ("faults" in person) throw new Problem("iam.oidcRefused", { details: person.faults });
  const userId = await admittedUser(context, provider, person);
  const user = await signInStore(context.sql).userBy(userId);
  if (user === undefined || !user.enabled) throw new Problem("iam.oidcFailed");
  return enterOrChallenge(parts, context, {
    user,
    method: "oidc",
    mfa: person.mfa,
    providerSignOutUrl: signOutUrl,
  });
}

/** Uses the state up, before the code is: whatever comes of it, it does not come twice. */
async function attemptOf(
  parts: Parts,
  context: Context,
  { oidcProviderId, state }: Returned,
): Promise<Attempt> {
  const ceremony = await attemptCeremony(parts, context, { token: state, kinds: ["oidcSignIn"] });
  const { deviceToken } = context;
  if (ceremony === undefined || !(await endCeremony(parts, state)) || deviceToken === undefined) {
    throw new Problem("iam.oidcFailed");
  }
  const { data } = ceremony;
  const device = Buffer.from(String(data.device), "hex");
  const same = timingSafeEqual(hashSecret(deviceToken), device);
  if (!same || data.oidcProviderId !== oidcProviderId) throw new Problem("iam.oidcFailed");
  return { redirectUri: String(data.redirectUri), state, deviceToken };
}
