/** Handlers of invitations. */
import { type Context, timeText } from "../../kernel/context.ts";
import { newSecret } from "../../kernel/id.ts";
import { hashSecret } from "../../kernel/identity/authenticate.ts";
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import { hashPassword } from "../../kernel/identity/password.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { iamContract } from "./contract.ts";
import { limits } from "./domain.ts";
import type { FactorParts } from "./factors.ts";
import { putIntoGroups } from "./groups.ts";
import { refuseBeyondBoundary } from "./guards.ts";
import { invitationStore } from "./invitation-store.ts";
import { loadUser } from "./load.ts";
import { acceptPassword, type BreachedPasswords } from "./passwords.ts";
import { securityStore } from "./security-store.ts";
import { enterOrChallenge, identifiedAs } from "./sign-in.ts";
import { iamStore, signInStore } from "./store.ts";
import { insertNewUser } from "./users.ts";

type All = Handlers<typeof iamContract>;
type Parts = FactorParts & {
  readonly authorizer: Authorizer;
  readonly breached: BreachedPasswords;
};

type InvitationHandlers = Pick<
  All,
  | "listInvitations"
  | "createInvitation"
  | "deleteInvitation"
  | "openInvitation"
  | "acceptInvitation"
>;

export function invitationHandlers(parts: Parts): InvitationHandlers {
  return {
    async listInvitations({ sql, accountId, nowMs }, input) {
      const all = await invitationStore(sql).list(accountId, timeText(nowMs));
      const page = pageInMemory(all, input, ["invitationId", "userId", "name", "createdBy"]);
      return { invitations: page.items, totalCount: page.totalCount };
    },
    async createInvitation(context, { ttlSeconds, groupIds = [], ...person }) {
      const { accountId, nowMs, caller, sql } = context;
      const user = await insertNewUser(context, { ...person, passwordHash: undefined });
      await putIntoGroups(context, user.userId, groupIds);
      const token = newSecret();
      const ttlMs = ttlSeconds === undefined ? limits.invitationTtlMs : ttlSeconds * 1000;
      const invitation = {
        invitationId: context.newId("inv"),
        userId: user.userId,
        createdBy: caller.principalName,
        createTime: timeText(nowMs),
        expireTime: timeText(nowMs + ttlMs),
      };
      const row = { ...invitation, tokenHash: hashSecret(token) };
      await invitationStore(sql).insert(accountId, row);
      // After the "#": it is in no request, no log and no Referer.
      return {
        invitation: { ...invitation, name: user.name },
        link: `https://${context.host}/invitation#${token}`,
      };
    },
    async deleteInvitation(context, { invitationId }) {
      const { sql, accountId } = context;
      const userId = await invitationStore(sql).delete(accountId, invitationId);
      if (userId === undefined) throw new Problem("iam.invitationNotFound");
      const user = await loadUser(context, userId);
      refuseBeyondBoundary(context, user.boundaryPolicyId);
      await iamStore(sql).deleteUser(accountId, userId);
      return {};
    },
    async openInvitation(context, { token }) {
      const open = await opened(context, token);
      const { passwordLengthMin } = await securityStore(context.sql).settings(open.accountId);
      const { accountName, userName, expireTime } = open;
      return { accountName, userName, expireTime, passwordLengthMin };
    },
    acceptInvitation: (context, input) => accept(parts, context, input),
  };
}

/** @throws Problem iam.invitationOver for every link that does not work, alike. */
async function opened({ sql, nowMs }: Context, token: string) {
  const open = await invitationStore(sql).byToken(hashSecret(token), timeText(nowMs));
  if (open === undefined) throw new Problem("iam.invitationOver");
  return open;
}

async function accept(
  parts: Parts,
  context: Context,
  { token, password }: { token: string; password: string },
) {
  const { sql, nowMs } = context;
  const { accountId, userId, userName } = await opened(context, token);
  const user = await signInStore(sql).userBy(userId);
  if (user === undefined) throw new Problem("iam.invitationOver");
  identifiedAs(context, user);
  const inAccount = { ...context, accountId };
  await acceptPassword(parts, inAccount, { user: { userId, name: userName }, password });
  // Last before the change: a password that was refused leaves the link as it was.
  if (!(await invitationStore(sql).take(hashSecret(token)))) {
    throw new Problem("iam.invitationOver");
  }
  await iamStore(sql).updateUser(accountId, userId, {
    passwordHash: await hashPassword(password),
    passwordChangeTime: timeText(nowMs),
  });
  return enterOrChallenge(parts, context, { user, method: "invitation", mfa: false });
}
