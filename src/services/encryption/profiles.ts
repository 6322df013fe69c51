/** Handlers of token profiles. */
import { randomBytes } from "node:crypto";
import { type Context, timeText } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { encryptionContract, TokenProfile } from "./contract.ts";
import { indexPurpose, limits, settingsOf } from "./domain.ts";
import { type Seals, sealedValues } from "./sealed-values.ts";
import { type ProfileRow, profileStore } from "./store.ts";
import { tell } from "./texts.ts";

const INDEX_KEY_BYTES = 32;
const filterFields = ["tokenProfileId", "name", "kind", "mode", "format", "enabled", "updateTime"];

type ProfileHandlers = Pick<
  Handlers<typeof encryptionContract>,
  | "listTokenProfiles"
  | "getTokenProfile"
  | "createTokenProfile"
  | "updateTokenProfile"
  | "deleteTokenProfile"
>;

export function profileHandlers(keyd: Seals): ProfileHandlers {
  return {
    async listTokenProfiles({ sql, accountId }, input) {
      const rows = (await profileStore(sql).list(accountId)).map(profileView);
      const page = pageInMemory(rows, input, filterFields);
      return { tokenProfiles: page.items, totalCount: page.totalCount };
    },
    getTokenProfile: async (context, { tokenProfileId }) =>
      profileView(await profileOf(context, tokenProfileId)),
    createTokenProfile: (context, given) => createProfile(keyd, context, given),
    async updateTokenProfile(context, { tokenProfileId, ...given }) {
      const row = await profileOf(context, tokenProfileId);
      const changed: ProfileRow = {
        ...row,
        name: given.name ?? row.name,
        enabled: given.enabled ?? row.enabled,
        ttlSeconds: given.ttlSeconds === undefined ? row.ttlSeconds : given.ttlSeconds,
        tokenizePerMinute: given.tokenizePerMinute ?? row.tokenizePerMinute,
        detokenizePerMinute: given.detokenizePerMinute ?? row.detokenizePerMinute,
        updateTime: timeText(context.nowMs),
      };
      await named(profileStore(context.sql).update(context.accountId, changed));
      return profileView(changed);
    },
    async deleteTokenProfile(context, { tokenProfileId }) {
      const row = await profileOf(context, tokenProfileId);
      if (row.enabled) throw new Problem("encryption.tokenProfileEnabled");
      await profileStore(context.sql).delete(context.accountId, tokenProfileId);
      await context.emit({
        type: "encryption.tokenProfileDeleted",
        message: tell("encryption.tokenProfileDeleted", { name: row.name }),
        severityId: 4,
        data: { tokenProfileId },
      });
      return {};
    },
  };
}

async function createProfile(
  keyd: Seals,
  context: Context,
  given: Parameters<ProfileHandlers["createTokenProfile"]>[1],
): Promise<TokenProfile> {
  const { sql, accountId, nowMs } = context;
  const settings = settingsOf(given);
  if (!("kind" in settings)) throw new Problem("encryption.profileUnfit", { details: settings });
  const store = profileStore(sql);
  if ((await store.list(accountId)).length >= limits.profilesMax) {
    throw new Problem("encryption.limitReached");
  }
  const tokenProfileId = context.newId("tkp");
  const seals = sealedValues(keyd, accountId);
  const time = timeText(nowMs);
  const row = {
    ...settings,
    ...{ tokenProfileId, enabled: true, createTime: time, updateTime: time },
    sealedIndexKey: await seals.seal(indexPurpose(tokenProfileId), randomBytes(INDEX_KEY_BYTES)),
  };
  await named(store.insert(accountId, row));
  await context.emit({
    type: "encryption.tokenProfileCreated",
    message: tell("encryption.tokenProfileCreated", { name: row.name }),
    data: { tokenProfileId },
  });
  return profileView(row);
}

function named(change: Promise<void>): Promise<void> {
  return change.catch((error: unknown) => {
    const taken = violates(error, "encryption_token_profile_name_unique");
    throw taken ? new Problem("encryption.profileNameTaken") : error;
  });
}

/** @throws Problem encryption.tokenProfileNotFound, of another account's as well. */
export async function profileOf(
  { sql, accountId }: Pick<Context, "sql" | "accountId">,
  tokenProfileId: string,
): Promise<ProfileRow> {
  const row = await profileStore(sql).find(accountId, tokenProfileId);
  if (row === undefined) throw new Problem("encryption.tokenProfileNotFound");
  return row;
}

function profileView(row: ProfileRow): TokenProfile {
  const { tokenProfileId, name, kind, mode, format, checksum, keepLast, ttlSeconds } = row;
  const { tokenizePerMinute, detokenizePerMinute, enabled, createTime, updateTime } = row;
  return {
    ...{ tokenProfileId, name, kind, mode, format, checksum, keepLast, ttlSeconds },
    ...{ tokenizePerMinute, detokenizePerMinute, enabled, createTime, updateTime },
  };
}
