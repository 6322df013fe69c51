/** Table of address lists. */
import type { AddressListIntent } from "../../kernel/intent/site-policy-document.ts";
import type { Sql } from "../../kernel/store/database.ts";
import type { AddressList } from "./list-operations.ts";

export type ListContent = { readonly content: string; readonly packed: Uint8Array };

/** Queries of one account. */
export function listStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<AddressList>`
      select address_list_id, name, note, entries, ranges, sha256, create_time, update_time
      from address_list where account_id = ${accountId} order by name`,

    async content(accountId: string, addressListId: string): Promise<ListContent | undefined> {
      const [row] = await sql<ListContent>`
        select content, packed from address_list
        where account_id = ${accountId} and address_list_id = ${addressListId}`;
      return row;
    },

    async put(accountId: string, list: AddressList & ListContent) {
      await sql`
        insert into address_list (account_id, address_list_id, name, note, entries, ranges, sha256,
          content, packed, create_time, update_time)
        values (${accountId}, ${list.addressListId}, ${list.name}, ${list.note}, ${list.entries},
          ${list.ranges}, ${list.sha256}, ${list.content}, ${Buffer.from(list.packed)},
          ${list.createTime}, ${list.updateTime})
        on conflict (address_list_id) do update set entries = excluded.entries,
          ranges = excluded.ranges, sha256 = excluded.sha256, content = excluded.content,
          packed = excluded.packed, update_time = excluded.update_time
        where address_list.account_id = excluded.account_id`;
    },

    delete: (accountId: string, addressListId: string) => sql<{ name: string }>`
      delete from address_list
      where account_id = ${accountId} and address_list_id = ${addressListId} returning name`,
  };
}

/** Queries over all accounts, for the gateways; `sql` runs in the system's scope. */
export function listIntentStore(sql: Sql) {
  return {
    list: () => sql<AddressListIntent>`
      select address_list_id, account_id, sha256, ranges from address_list
      order by address_list_id`,

    async packed(sha256: string): Promise<Buffer | undefined> {
      const [row] = await sql<{ packed: Buffer }>`
        select packed from address_list where sha256 = ${sha256} limit 1`;
      return row?.packed;
    },
  };
}
