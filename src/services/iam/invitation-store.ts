/** The table of invitations that are open. */
import type { Sql } from "../../kernel/store/database.ts";
import type { Invitation } from "./invitation-operations.ts";

export type OpenInvitation = {
  readonly accountId: string;
  readonly accountName: string;
  readonly userId: string;
  readonly userName: string;
  readonly expireTime: string;
};

export function invitationStore(sql: Sql) {
  return {
    list: (accountId: string, nowText: string) => sql<Invitation>`
      select i.invitation_id, i.user_id, u.name, i.created_by, i.create_time, i.expire_time
      from invitation i join iam_user u using (user_id)
      where i.account_id = ${accountId} and i.expire_time > ${nowText}
      order by i.create_time desc`,

    async insert(accountId: string, row: Omit<Invitation, "name"> & { tokenHash: Buffer }) {
      await sql`insert into invitation (account_id, invitation_id, user_id, token_hash, created_by,
          create_time, expire_time)
        values (${accountId}, ${row.invitationId}, ${row.userId}, ${row.tokenHash},
          ${row.createdBy}, ${row.createTime}, ${row.expireTime})`;
    },

    /** Its user goes with it: he never came. @returns its user. */
    async delete(accountId: string, invitationId: string): Promise<string | undefined> {
      const [row] = await sql<{ userId: string }>`delete from invitation
        where account_id = ${accountId} and invitation_id = ${invitationId} returning user_id`;
      return row?.userId;
    },

    /** By the link's token, before an account is known: in the system's scope. */
    async byToken(tokenHash: Buffer, nowText: string): Promise<OpenInvitation | undefined> {
      const [row] = await sql<OpenInvitation>`
        select a.account_id, a.name as account_name, u.user_id, u.name as user_name, i.expire_time
        from invitation i join iam_user u using (user_id) join account a on
          a.account_id = i.account_id
        where i.token_hash = ${tokenHash} and i.expire_time > ${nowText} and u.enabled`;
      return row;
    },

    /** Ends the link of a user who has a password now. */
    async deleteOf(accountId: string, userId: string) {
      await sql`delete from invitation where account_id = ${accountId} and user_id = ${userId}`;
    },

    /** Uses the link up; false when somebody was faster. */
    async take(tokenHash: Buffer): Promise<boolean> {
      const rows = await sql`delete from invitation where token_hash = ${tokenHash}
        returning user_id`;
      return rows.length > 0;
    },
  };
}
