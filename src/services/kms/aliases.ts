/** Handlers of aliases. */
import { type Context, timeText } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { kmsContract } from "./contract.ts";
import { type KeyRow, limits, stateFault } from "./domain.ts";
import { changeKeys, type KmsParts } from "./key-change.ts";
import { event } from "./keys.ts";
import { aliasStore, keyStore } from "./store.ts";

type All = Handlers<typeof kmsContract>;

export function aliasHandlers(
  parts: KmsParts,
): Pick<All, "listAliases" | "createAlias" | "updateAlias" | "deleteAlias"> {
  return {
    async listAliases({ sql, accountId }, input) {
      const all = await aliasStore(sql).list(accountId);
      const { keyId } = input;
      const some = keyId === undefined ? all : all.filter((one) => one.keyId === keyId);
      const page = pageInMemory(some, input, ["aliasName", "keyId", "createTime", "updateTime"]);
      return { aliases: page.items, totalCount: page.totalCount };
    },
    createAlias: (context, { aliasName, keyId }) =>
      changeKeys(parts, context, async () => {
        const { sql, accountId, nowMs } = context;
        await targetOf(context, keyId);
        const time = timeText(nowMs);
        const alias = { aliasName, keyId, createTime: time, updateTime: time };
        const made = await aliasStore(sql).insert(accountId, alias);
        if (!made) throw new Problem("kms.aliasExists");
        await context.emit(event("kms.aliasCreated", keyId));
        return alias;
      }),
    updateAlias: (context, { aliasName, keyId }) =>
      changeKeys(parts, context, async () => {
        const { sql, accountId, nowMs } = context;
        const alias = await aliasStore(sql).find(accountId, aliasName);
        if (alias === undefined) throw new Problem("kms.aliasNotFound");
        const from = await keyStore(sql).find(accountId, alias.keyId);
        const to = await targetOf(context, keyId);
        // Who encrypts under the alias must not find a key that signs behind it.
        if (from !== undefined && !alike(from, to)) throw new Problem("kms.aliasUnfit");
        const moved = { ...alias, keyId, updateTime: timeText(nowMs) };
        await aliasStore(sql).move(accountId, moved);
        await context.emit(event("kms.aliasMoved", keyId));
        return moved;
      }),
    deleteAlias: (context, { aliasName }) =>
      changeKeys(parts, context, async () => {
        const { sql, accountId } = context;
        const deleted = await aliasStore(sql).delete(accountId, aliasName);
        if (!deleted) throw new Problem("kms.aliasNotFound");
        return {};
      }),
  };
}

async function targetOf({ sql, accountId }: Context, keyId: string): Promise<KeyRow> {
  const key = await keyStore(sql).find(accountId, keyId);
  if (key === undefined) throw new Problem("kms.keyNotFound");
  const fault = stateFault(key.state, "change");
  if (fault !== undefined) throw new Problem(fault);
  const aliases = await aliasStore(sql).list(accountId);
  const count = aliases.filter((one) => one.keyId === keyId).length;
  if (count >= limits.aliasesPerKeyMax) throw new Problem("kms.limitReached");
  return key;
}

function alike(from: KeyRow, to: KeyRow): boolean {
  return from.usage === to.usage && from.spec === to.spec;
}
