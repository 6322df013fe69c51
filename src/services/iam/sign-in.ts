/** Signing in to the console. Every way to fail takes as long and answers the same. */
import { type Context, timeText } from "../../kernel/context.ts";
import { newSecret } from "../../kernel/id.ts";
import { csrfTokenOf, hashSecret } from "../../kernel/identity/authenticate.ts";
import { decoyHash, verifyPassword } from "../../kernel/identity/password.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import type { Caller, iamContract } from "./contract.ts";
import { limits } from "./domain.ts";
import { ceremonyStore } from "./factor-store.ts";
import {
  attemptCeremony,
  beginCeremony,
  beginChallenge,
  endCeremony,
  type FactorParts,
  type Proof,
  proven,
  provenPasskey,
} from "./factors.ts";
import { lockOutOf } from "./lock-out.ts";
import { authenticationOptions, relyingPartyOf } from "./passkeys.ts";
import { type SignInRow, signInStore } from "./store.ts";

type SignInHandlers = Pick<
  Handlers<typeof iamContract>,
  "signIn" | "beginPasskeySignIn" | "completeSignIn"
>;

export function signInHandlers(parts: FactorParts): SignInHandlers {
  return {
    signIn: (context, input) => signIn(parts, context, input),
    async beginPasskeySignIn(context) {
      const party = relyingPartyOf(context.host, parts.hosts);
      const options = await authenticationOptions(party);
      const token = await beginCeremony(parts, context, {
        kind: "passkeySignIn",
        accountId: null,
        userId: null,
        data: { challenge: options.challenge },
      });
      return { token, factors: ["passkey"], passkeyOptions: { ...options } };
    },
    completeSignIn: (context, input) => completeSignIn(parts, context, input),
  };
}

/** The call's record is this user's account's; who calls is not proved. */
function triedFor(context: Context, user: SignInRow): void {
  context.identified({ ...principalOf(user), principalId: "" });
}

/** The call's record is this user's. */
export function identifiedAs(context: Context, user: SignInRow): void {
  context.identified(principalOf(user));
}

function principalOf(user: SignInRow): Context["caller"] {
  return {
    accountId: user.accountId,
    accountName: user.accountName,
    operator: user.operator,
    principalType: "user",
    principalId: user.userId,
    principalName: user.userName,
  };
}

export function callerView(caller: Context["caller"]): Caller {
  const { accountId, accountName, operator, principalType, principalId, principalName } = caller;
  return { accountId, accountName, operator, principalType, principalId, principalName };
}

async function signIn(
  parts: FactorParts,
  context: Context,
  input: { accountName: string; userName: string; password: string },
) {
  const user = await parts.database.transaction("system", (sql) =>
    signInStore(sql).findUser(input.accountName, input.userName),
  );
  if (user !== undefined) triedFor(context, user);
  const lockOut = await lockOutOf(parts.database, context, {
    name: `password ${input.accountName}/${input.userName}`,
    userId: user?.userId,
  });
  // INVARIANT: the password is always verified, so that no failure is told by its time.
  const matches = await verifyPassword(input.password, user?.passwordHash ?? decoyHash);
  if (lockOut.locked) throw new Problem("iam.signInFailed");
  if (user === undefined || !matches || !user.enabled) {
    await lockOut.failed();
    throw new Problem("iam.signInFailed");
  }
  await lockOut.succeeded();
  return enterOrChallenge(parts, context, { user, method: "password", mfa: false });
}

type Entry = {
  readonly user: SignInRow;
  readonly method: string;
  /** The second factor was proved already. */
  readonly mfa: boolean;
  readonly providerSignOutUrl?: string | null;
};

/** After the first proof: a session, or the question for the second factor of who has one. */
export async function enterOrChallenge(
  parts: FactorParts,
  context: Context,
  { user, ...how }: Entry,
) {
  identifiedAs(context, user);
  const challenge = how.mfa
    ? undefined
    : await beginChallenge(parts, context, { kind: "signIn", who: user, first: how });
  if (challenge !== undefined) return { caller: null, csrfToken: null, challenge };
  return { ...(await startSession(context, user, how)), challenge: null };
}

async function completeSignIn(
  parts: FactorParts,
  context: Context,
  { token, ...proof }: Proof & { token: string },
) {
  const kinds = ["signIn", "passkeySignIn"];
  const ceremony = await attemptCeremony(parts, context, { token, kinds });
  if (ceremony === undefined) throw new Problem("iam.signInFailed");
  const { kind, accountId, userId } = ceremony;
  const done =
    kind === "passkeySignIn"
      ? await byPasskeyAlone(parts, context, { proof, data: ceremony.data })
      : await bySecondFactor(parts, context, {
          who: { accountId: accountId ?? "", userId: userId ?? "" },
          proof,
          data: ceremony.data,
        });
  if (!(await endCeremony(parts, token))) throw new Problem("iam.signInFailed");
  const user = await parts.database.transaction("system", (sql) =>
    signInStore(sql).userBy(done.userId),
  );
  if (user === undefined || !user.enabled) throw new Problem("iam.signInFailed");
  identifiedAs(context, user);
  const { providerSignOutUrl } = ceremony.data;
  return startSession(context, user, {
    method: ceremony.data.method === "oidc" ? "oidc" : done.method,
    mfa: true,
    providerSignOutUrl: typeof providerSignOutUrl === "string" ? providerSignOutUrl : null,
  });
}

type Data = Readonly<Record<string, unknown>>;

/** The passkey says who it is; it was verified with the person's PIN or finger, so it is enough. */
async function byPasskeyAlone(
  parts: FactorParts,
  context: Context,
  { proof, data }: { proof: Proof; data: Data },
): Promise<{ userId: string; method: string }> {
  const response = proof.passkey ?? {};
  const { id } = response;
  const passkey =
    typeof id === "string"
      ? await parts.database.transaction("system", (sql) => ceremonyStore(sql).passkeyBy(id))
      : undefined;
  const challenge = String(data.challenge);
  if (
    passkey === undefined ||
    !(await provenPasskey(parts, context, { passkey, response, challenge }))
  ) {
    throw new Problem("iam.signInFailed");
  }
  return { userId: passkey.userId, method: "passkey" };
}

async function bySecondFactor(
  parts: FactorParts,
  context: Context,
  { who, proof, data }: { who: { accountId: string; userId: string }; proof: Proof; data: Data },
): Promise<{ userId: string; method: string }> {
  // Only who knew the password comes here, so that nobody else can lock this user out.
  const { userId } = who;
  const known = await parts.database.transaction("system", (sql) =>
    signInStore(sql).userBy(userId),
  );
  if (known !== undefined) triedFor(context, known);
  const lockOut = await lockOutOf(parts.database, context, { name: `factor ${userId}`, userId });
  const method = lockOut.locked ? undefined : await proven(parts, context, { who, proof, data });
  if (method === undefined) {
    if (!lockOut.locked) await lockOut.failed();
    throw new Problem("iam.signInFailed");
  }
  await lockOut.succeeded();
  return { userId, method };
}

/** Begins a console session, and remembers the browser for the brake on guessing. */
export async function startSession(
  context: Context,
  user: SignInRow,
  { method, mfa, providerSignOutUrl = null }: Omit<Entry, "user">,
) {
  const { nowMs, newId, sourceIp, userAgent, sql } = context;
  const token = newSecret();
  const time = timeText(nowMs);
  await signInStore(sql).startSession(user.accountId, {
    sessionId: newId("ses"),
    userId: user.userId,
    tokenHash: hashSecret(token),
    sourceIp,
    userAgent,
    method,
    providerSignOutUrl,
    mfaTime: mfa ? time : null,
    createTime: time,
    lastUseTime: time,
    expireTime: timeText(nowMs + limits.sessionAbsoluteMs),
  });
  const deviceToken = context.deviceToken ?? newSecret();
  const tokenHash = hashSecret(deviceToken);
  const device = { userId: user.userId, tokenHash, time };
  await ceremonyStore(sql).rememberDevice(user.accountId, device);
  context.setSessionCookie(token, limits.sessionAbsoluteMs / 1000);
  context.setDeviceCookie(deviceToken);
  await context.emit({
    type: "iam.signInSucceeded",
    message: `${user.userName} signed in by ${method}`,
    data: { method, mfa },
  });
  return { caller: callerView(principalOf(user)), csrfToken: csrfTokenOf(token) };
}
