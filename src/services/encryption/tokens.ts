/** Handlers that make, open and forget tokens, and mask values. */
import { createHmac, randomInt } from "node:crypto";
import { type Context, timeText } from "../../kernel/context.ts";
import type { RateLimiter } from "../../kernel/http/rate-limit.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import type { encryptionContract, TokenProfile } from "./contract.ts";
import { normalized } from "./domain/formats.ts";
import { masked } from "./domain/masks.ts";
import { tokenText } from "./domain/token-text.ts";
import { expireTimeOf, indexPurpose, limits, valuePurpose } from "./domain.ts";
import { profileOf } from "./profiles.ts";
import { type Seals, sealedValues } from "./sealed-values.ts";
import { type ProfileRow, type TokenRow, tokenStore } from "./store.ts";
import { tell } from "./texts.ts";

export type TokenParts = { readonly keyd: Seals; readonly rates: RateLimiter };
type TokenHandlers = Pick<
  Handlers<typeof encryptionContract>,
  "tokenize" | "detokenize" | "maskTokens" | "deleteTokens" | "mask"
>;

export function tokenHandlers(parts: TokenParts): TokenHandlers {
  return {
    tokenize: (context, input) => tokenize(parts, context, input),
    async detokenize(context, input) {
      const { opened } = await openedTokens(parts, context, input);
      return { items: opened.map((value) => (value === undefined ? UNKNOWN : { value })) };
    },
    async maskTokens(context, input) {
      const { profile, opened } = await openedTokens(parts, context, input);
      const mask = (value: string) => ({ masked: masked(profile.kind, value) });
      return { items: opened.map((value) => (value === undefined ? UNKNOWN : mask(value))) };
    },
    async deleteTokens({ sql, accountId, ...context }, { tokenProfileId, tokens }) {
      await profileOf({ sql, accountId, ...context }, tokenProfileId);
      return { deletedCount: await tokenStore(sql).delete(accountId, tokenProfileId, tokens) };
    },
    mask: async (_context, { kind, values, keepFirst, keepLast }) => ({
      masked: values.map((value) => masked(kind, value, { keepFirst, keepLast })),
    }),
  };
}

/** One that never was, one that has ended, another profile's and another account's: all alike. */
const UNKNOWN = { reason: "encryption.tokenUnknown" };

async function tokenize(
  { keyd, rates }: TokenParts,
  context: Context,
  { tokenProfileId, values }: Parameters<TokenHandlers["tokenize"]>[1],
) {
  const profile = await enabledProfile(context, tokenProfileId);
  count(rates, context, { profile, verb: "tokenize", values: values.length });
  const checked = values.map((text) => normalized(profile.kind, text));
  const faults = checked.flatMap((one, at) =>
    "fault" in one ? [{ path: `/values/${at}`, message: one.fault }] : [],
  );
  if (faults.length > 0) throw new Problem("encryption.valueUnfit", { details: faults });
  const maker = await tokenMaker(keyd, context, profile);
  const tokens: string[] = [];
  // In the order of the values: two equal ones find the token that the first was given.
  for (const [at, one] of checked.entries()) {
    if ("value" in one) tokens.push(await maker(one.value, `/values/${at}`));
  }
  return { tokens };
}

/** Makes tokens of one profile, or finds those that values of it have. */
async function tokenMaker(keyd: Seals, context: Context, profile: ProfileRow) {
  const { sql, accountId, nowMs } = context;
  const { tokenProfileId } = profile;
  const seals = sealedValues(keyd, accountId);
  const store = tokenStore(sql);
  const now = timeText(nowMs);
  const macOf = profile.mode === "deterministic" ? await indexOf(seals, profile) : undefined;
  const row = async (token: string, value: string, mac: Buffer | null): Promise<TokenRow> => ({
    token,
    valueMac: mac,
    sealed: await seals.seal(valuePurpose(tokenProfileId, token), Buffer.from(value, "utf8")),
    createTime: now,
    expireTime: expireTimeOf(profile, nowMs),
  });
  return async (value: string, path: string): Promise<string> => {
    const mac = macOf?.(value) ?? null;
    if (mac !== null) await store.dropEnded(accountId, tokenProfileId, { mac, now });
    for (let attempt = 0; attempt < limits.attemptsMax; attempt += 1) {
      const known =
        mac === null ? undefined : await store.findByMac(accountId, tokenProfileId, { mac, now });
      if (known !== undefined) return known.token;
      const token = tokenText(profile, value, randomInt);
      if (token === undefined) throw tooShort(path);
      if (token === value) continue;
      const made = await row(token, value, mac);
      if (await store.insert(accountId, tokenProfileId, made)) return token;
    }
    throw new Problem("encryption.tokensUsedUp");
  };
}

function tooShort(path: string): Problem {
  const message = "is too short to keep so many digits: six at least must be exchanged";
  return new Problem("encryption.valueUnfit", { details: [{ path, message }] });
}

/** What values of a deterministic profile are found by. */
async function indexOf(
  seals: ReturnType<typeof sealedValues>,
  { tokenProfileId, sealedIndexKey }: ProfileRow,
): Promise<(value: string) => Buffer> {
  const key = await seals.open(indexPurpose(tokenProfileId), sealedIndexKey);
  return (value) => createHmac("sha256", key).update(value, "utf8").digest();
}

/** The values of tokens in their order; undefined where there is none. */
async function openedTokens(
  { keyd, rates }: TokenParts,
  context: Context,
  { tokenProfileId, tokens }: Parameters<TokenHandlers["detokenize"]>[1],
): Promise<{ profile: ProfileRow; opened: (string | undefined)[] }> {
  const { sql, accountId, nowMs } = context;
  const profile = await enabledProfile(context, tokenProfileId);
  // Counted before anything is looked up: guesses cost as much as tokens that are right.
  count(rates, context, { profile, verb: "detokenize", values: tokens.length });
  const now = timeText(nowMs);
  const rows = await tokenStore(sql).find(accountId, tokenProfileId, { tokens, now });
  const byToken = new Map(rows.map((row) => [row.token, row]));
  const seals = sealedValues(keyd, accountId);
  const opened = await Promise.all(
    tokens.map(async (token) => {
      const row = byToken.get(token);
      if (row === undefined) return undefined;
      const bytes = await seals.open(valuePurpose(tokenProfileId, token), row.sealed);
      return bytes.toString("utf8");
    }),
  );
  const unknown = opened.filter((value) => value === undefined).length;
  if (unknown >= limits.unknownTold) {
    await context.emit({
      type: "encryption.unknownTokensAsked",
      message: tell("encryption.unknownTokensAsked", { unknown, asked: tokens.length }),
      severityId: 3,
      resource: `crn:encryption::${accountId}:tokenProfile/${tokenProfileId}`,
      data: { tokenProfileId, unknown, asked: tokens.length },
    });
  }
  return { profile, opened };
}

async function enabledProfile(context: Context, tokenProfileId: string): Promise<ProfileRow> {
  const profile = await profileOf(context, tokenProfileId);
  if (!profile.enabled) throw new Problem("encryption.tokenProfileDisabled");
  return profile;
}

type Counted = {
  readonly profile: TokenProfile;
  readonly verb: "tokenize" | "detokenize";
  readonly values: number;
};

/** @throws Problem encryption.tooManyValues; what was counted stays counted. */
function count(
  rates: RateLimiter,
  { accountId, caller, nowMs }: Context,
  { profile, verb, values }: Counted,
): void {
  const { tokenizePerMinute, detokenizePerMinute, tokenProfileId } = profile;
  const perMinute = verb === "tokenize" ? tokenizePerMinute : detokenizePerMinute;
  const key = `${accountId} ${tokenProfileId} ${verb} ${caller.principalId}`;
  let allowed = true;
  for (let at = 0; at < values; at += 1) allowed = rates.allow(key, perMinute, nowMs) && allowed;
  if (!allowed) throw new Problem("encryption.tooManyValues");
}
