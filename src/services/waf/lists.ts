/** Handlers of address lists. */

import { holdsAddress, unpackAddressSet } from "../../engines/sitepolicy/address-set.ts";
import { listsOf } from "../../engines/sitepolicy/condition.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { wafContract } from "./contract.ts";
import { canonicalAddress } from "./domain.ts";
import type { AddressList, listOperations } from "./list-operations.ts";
import { listStore } from "./list-store.ts";
import { type ListChange, listLimits } from "./list-text.ts";
import { readListApart } from "./list-thread.ts";
import { changed } from "./load.ts";
import { policyStore } from "./policy-store.ts";

type ListHandlers = Pick<Handlers<typeof wafContract>, keyof typeof listOperations>;

const fields = ["addressListId", "name", "note", "entries"];

/** The handlers of the operations in `list-operations.ts`. */
export const listHandlers: ListHandlers = {
  async listAddressLists({ sql, accountId }, input) {
    const page = pageInMemory(await listStore(sql).list(accountId), input, fields);
    return { addressLists: page.items, totalCount: page.totalCount };
  },
  getAddressList: (context, { addressListId }) => loadList(context, addressListId),
  async createAddressList(context, { name, note = "", text = "", ttlSeconds }) {
    const known = await listStore(context.sql).list(context.accountId);
    if (known.length >= listLimits.listsMax) throw new Problem("waf.addressListLimit");
    const time = timeText(context.nowMs);
    const addressListId = context.newId("alist");
    const made = { addressListId, name, note, createTime: time };
    const list = await write(context, made, { texts: [text], without: [], ttlSeconds });
    await changed(context, "waf.addressListCreated", `Address list "${name}" was created`);
    return list;
  },
  async importAddressList(context, { addressListId, text, how, ttlSeconds }) {
    const before = await loadList(context, addressListId);
    const kept = how === "addTo" ? [await contentOf(context, addressListId)] : [];
    const list = await write(context, before, { texts: [...kept, text], without: [], ttlSeconds });
    await changed(context, "waf.addressListChanged", `Address list "${list.name}" was changed`);
    return list;
  },
  async removeAddresses(context, { addressListId, cidrs }) {
    const before = await loadList(context, addressListId);
    const texts = [await contentOf(context, addressListId)];
    const list = await write(context, before, { texts, without: cidrs, ttlSeconds: undefined });
    await changed(context, "waf.addressListChanged", `Address list "${list.name}" was changed`);
    return list;
  },
  async checkAddress(context, { addressListId, address }) {
    const row = await listStore(context.sql).content(context.accountId, addressListId);
    if (row === undefined) throw new Problem("waf.addressListNotFound");
    const set = unpackAddressSet(Buffer.from(row.packed));
    return { isListed: holdsAddress(set, canonicalAddress(address), context.nowMs) };
  },
  async deleteAddressList(context, { addressListId }) {
    const list = await loadList(context, addressListId);
    await refuseWhenUsed(context, addressListId);
    await listStore(context.sql).delete(context.accountId, addressListId);
    await changed(context, "waf.addressListDeleted", `Address list "${list.name}" was deleted`);
    return {};
  },
};

async function loadList({ sql, accountId }: Context, id: string): Promise<AddressList> {
  const list = (await listStore(sql).list(accountId)).find((one) => one.addressListId === id);
  if (list === undefined) throw new Problem("waf.addressListNotFound");
  return list;
}

async function contentOf({ sql, accountId }: Context, addressListId: string): Promise<string> {
  return (await listStore(sql).content(accountId, addressListId))?.content ?? "";
}

async function write(
  context: Context,
  list: Pick<AddressList, "addressListId" | "name" | "note" | "createTime">,
  change: Pick<ListChange, "texts" | "without"> & { ttlSeconds: number | undefined },
): Promise<AddressList> {
  const { nowMs } = context;
  const { ttlSeconds, texts, without } = change;
  const expiresAtMs = ttlSeconds === undefined ? null : nowMs + ttlSeconds * 1_000;
  const read = await readListApart({ texts, without, expiresAtMs, nowMs });
  if ("faults" in read) {
    const details = read.faults.map(({ line, message }) => ({ path: `/text/${line}`, message }));
    throw new Problem("waf.addressListInvalid", { details });
  }
  const { addressListId, name, note, createTime } = list;
  const { entries, ranges, sha256 } = read;
  const kept = { addressListId, name, note, entries, ranges, sha256, createTime };
  const after = { ...kept, updateTime: timeText(nowMs) };
  const { content, packed } = read;
  await listStore(context.sql)
    .put(context.accountId, { ...after, content, packed })
    .catch((error) => {
      throw violates(error, "address_list_name_unique")
        ? new Problem("waf.addressListExists")
        : error;
    });
  return after;
}

async function refuseWhenUsed({ sql, accountId }: Context, addressListId: string): Promise<void> {
  const store = policyStore(sql);
  const rules = (await store.listRules(accountId)).filter(
    ({ when }) => when !== null && listsOf(when).includes(addressListId),
  );
  const sites = (await store.listSettings(accountId)).filter(({ settings }) =>
    settings.lists.some((use) => use.addressListId === addressListId),
  );
  const users = [
    ...rules.map(({ customRuleId, name }) => `Rule ${customRuleId} ("${name}")`),
    ...sites.map(({ siteId }) => `The policy of site ${siteId}`),
  ];
  if (users.length === 0) return;
  const details = users.map((user) => ({ path: "/addressListId", message: `${user} uses it` }));
  throw new Problem("waf.addressListInUse", { details });
}
