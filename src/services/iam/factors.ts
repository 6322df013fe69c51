/** Proofs of a second factor: what a user has, beginning a proof, and checking one. */
import { type Context, timeText } from "../../kernel/context.ts";
import { newSecret } from "../../kernel/id.ts";
import { hashSecret } from "../../kernel/identity/authenticate.ts";
import { type Sealer, secretPurpose } from "../../kernel/identity/sealer.ts";
import { totpStep } from "../../kernel/identity/totp.ts";
import type { Database } from "../../kernel/store/database.ts";
import { limits } from "./domain.ts";
import { type Ceremony, ceremonyStore, factorStore, type PasskeyRow } from "./factor-store.ts";
import { authenticationOptions, provenCounter, relyingPartyOf } from "./passkeys.ts";

export type FactorParts = {
  readonly database: Database;
  readonly sealer: Sealer;
  /** Names that the console is reached by. */
  readonly hosts: readonly string[];
};

export type Who = { readonly accountId: string; readonly userId: string };

export type Proof = {
  readonly totpCode?: string;
  readonly backupCode?: string;
  readonly passkey?: Readonly<Record<string, unknown>>;
};

export type FactorKind = "totp" | "passkey" | "backupCode";

/** Begins a ceremony of a kind; what it must refer to is kept under the hash of its token. */
export async function beginCeremony(
  { database }: FactorParts,
  { nowMs }: Context,
  ceremony: Ceremony,
): Promise<string> {
  const token = newSecret();
  const expireTime = timeText(nowMs + limits.ceremonyTtlMs);
  await database.transaction("system", (sql) =>
    ceremonyStore(sql).begin(hashSecret(token), {
      ...ceremony,
      expireTime,
      nowText: timeText(nowMs),
    }),
  );
  return token;
}

/** How a sign-in began, for the session that comes of it. */
type FirstProof = { readonly method?: string; readonly providerSignOutUrl?: string | null };

/** Begins to ask a user for one of his factors; undefined when he has none. */
export async function beginChallenge(
  parts: FactorParts,
  context: Context,
  { kind, who, first = {} }: { kind: "signIn" | "confirm"; who: Who; first?: FirstProof },
) {
  const { totp, passkeys, codes } = await parts.database.transaction("system", async (sql) => ({
    totp: await factorStore(sql).totp(who.accountId, who.userId),
    passkeys: await factorStore(sql).passkeys(who.accountId, who.userId),
    codes: await factorStore(sql).backupCodesLeft(who.accountId, who.userId),
  }));
  if (totp?.confirmed !== true && passkeys.length === 0) return undefined;
  const options = await passkeyOptions(parts, context, passkeys);
  const data = { ...first, ...(options === undefined ? {} : { challenge: options.challenge }) };
  const token = await beginCeremony(parts, context, { kind, ...who, data });
  const factors: FactorKind[] = [
    ...(options === undefined ? [] : (["passkey"] as const)),
    ...(totp?.confirmed === true ? (["totp"] as const) : []),
    ...(codes > 0 ? (["backupCode"] as const) : []),
  ];
  return { token, factors, passkeyOptions: options === undefined ? null : { ...options } };
}

/** A console reached by an address has no passkeys; the other factors work there. */
async function passkeyOptions(
  { hosts }: FactorParts,
  { host }: Context,
  passkeys: readonly PasskeyRow[],
) {
  if (passkeys.length === 0) return undefined;
  try {
    return await authenticationOptions(relyingPartyOf(host, hosts), passkeys);
  } catch {
    return undefined;
  }
}

/**
 * Checks a proof and uses it up.
 *
 * @returns the kind of factor that was proved; undefined when it was not.
 */
export async function proven(
  parts: FactorParts,
  context: Context,
  { who, proof, data }: { who: Who; proof: Proof; data: Readonly<Record<string, unknown>> },
): Promise<FactorKind | undefined> {
  const { accountId, userId } = who;
  const given = [proof.totpCode, proof.backupCode, proof.passkey].filter(
    (one) => one !== undefined,
  );
  if (given.length !== 1) return undefined;
  if (proof.totpCode !== undefined) {
    return (await provenTotp(parts, context, { who, code: proof.totpCode })) ? "totp" : undefined;
  }
  if (proof.backupCode !== undefined) {
    const hash = hashSecret(`${userId} ${proof.backupCode}`);
    const used = await parts.database.transaction("system", (sql) =>
      factorStore(sql).useBackupCode(accountId, userId, hash),
    );
    return used ? "backupCode" : undefined;
  }
  const { passkey: response = {} } = proof;
  const passkeys = await parts.database.transaction("system", (sql) =>
    factorStore(sql).passkeys(accountId, userId),
  );
  const passkey = passkeys.find((one) => one.credentialId === response.id);
  if (passkey === undefined || typeof data.challenge !== "string") return undefined;
  const good = await provenPasskey(parts, context, {
    passkey,
    response,
    challenge: data.challenge,
  });
  return good ? "passkey" : undefined;
}

/** True when the code is right and was not used; it and all before it are used up. */
export async function provenTotp(
  { database, sealer }: FactorParts,
  { nowMs }: Context,
  { who, code, unconfirmed }: { who: Who; code: string; unconfirmed?: boolean },
): Promise<boolean> {
  const { accountId, userId } = who;
  const totp = await database.transaction("system", (sql) =>
    factorStore(sql).totp(accountId, userId),
  );
  if (totp === undefined || totp.confirmed === unconfirmed) return false;
  const secret = await sealer.open(totp.sealedSecret, secretPurpose("totp", userId));
  const step = totpStep(secret, code, nowMs);
  if (step === undefined) return false;
  return database.transaction("system", (sql) =>
    factorStore(sql).useTotpStep(accountId, userId, step),
  );
}

/** True when the browser proved the passkey for this challenge. */
export async function provenPasskey(
  { database, hosts }: FactorParts,
  { host, nowMs }: Context,
  {
    passkey,
    response,
    challenge,
  }: {
    passkey: PasskeyRow;
    response: Readonly<Record<string, unknown>>;
    challenge: string;
  },
): Promise<boolean> {
  const party = relyingPartyOf(host, hosts);
  const counter = await provenCounter(party, { response, challenge, passkey });
  if (counter === undefined) return false;
  await database.transaction("system", (sql) =>
    factorStore(sql).usedPasskey(passkey.accountId, passkey.passkeyId, {
      counter,
      time: timeText(nowMs),
    }),
  );
  return true;
}

/** The ceremony of a token, with this attempt counted; undefined when it is over. */
export function attemptCeremony(
  { database }: FactorParts,
  { nowMs }: Context,
  { token, kinds }: { token: string; kinds: readonly string[] },
): Promise<Ceremony | undefined> {
  return database.transaction("system", (sql) =>
    ceremonyStore(sql).attempt(hashSecret(token), kinds, timeText(nowMs)),
  );
}

/** Ends a ceremony; false when somebody else ended it at the same time. */
export function endCeremony({ database }: FactorParts, token: string): Promise<boolean> {
  return database.transaction("system", (sql) => ceremonyStore(sql).end(hashSecret(token)));
}
