/** What other parts of the program are given of roles when they are wired together. */
import type { Database } from "../../kernel/store/database.ts";
import { guardrailsOver, roleRights } from "./principals.ts";

type DirectoryRow = {
  readonly accountId: string;
  readonly accountName: string;
  readonly roleId: string;
  readonly name: string;
  readonly trust: unknown;
  readonly sessionSecondsMax: number;
};

/** Roles of every account, for taking them on. */
export function roleDirectory(database: Database) {
  return {
    rights: roleRights,
    guardrails: guardrailsOver,
    find: (roleId: string): Promise<DirectoryRow | undefined> =>
      database.transaction("system", async (sql) => {
        const [row] = await sql<DirectoryRow>`
          select a.account_id, a.name as account_name, r.role_id, r.name, r.trust,
            r.session_seconds_max
          from iam_role r join account a using (account_id) where r.role_id = ${roleId}`;
        return row;
      }),
  };
}
