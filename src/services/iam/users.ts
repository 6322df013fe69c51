/** Handlers of users and their bearer keys. */
import { type Context, timeText } from "../../kernel/context.ts";
import { newSecret } from "../../kernel/id.ts";
import { hashSecret } from "../../kernel/identity/authenticate.ts";
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import { hashPassword } from "../../kernel/identity/password.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { checkCidrs } from "./access-keys.ts";
import type { iamContract, User } from "./contract.ts";
import { bearerKeyText, limits, NO_PASSWORD } from "./domain.ts";
import {
  refuseBeyondBoundary,
  refuseBeyondLimit,
  refuseLockOut,
  refuseNoAdministrator,
  refuseSealed,
} from "./guards.ts";
import { invitationStore } from "./invitation-store.ts";
import { loadPolicy, loadUser } from "./load.ts";
import { loadProvider } from "./oidc/providers.ts";
import { acceptPassword, type BreachedPasswords } from "./passwords.ts";
import { securityStore } from "./security-store.ts";
import { iamStore } from "./store.ts";

type All = Handlers<typeof iamContract>;
type Parts = { readonly authorizer: Authorizer; readonly breached: BreachedPasswords };

const userFields = [
  "userId",
  "name",
  "description",
  "kind",
  "enabled",
  "policyIds",
  "groupIds",
  "mfaEnrolled",
  "createTime",
];

type UserHandlers = Pick<All, "listUsers" | "getUser" | "createUser" | "updateUser" | "deleteUser">;

export function userHandlers(parts: Parts): UserHandlers {
  return {
    async listUsers({ sql, accountId }, input) {
      const page = pageInMemory(await iamStore(sql).listUsers(accountId), input, userFields);
      return { users: page.items, totalCount: page.totalCount };
    },
    getUser: (context, { userId }) => loadUser(context, userId),
    createUser: (context, input) => createUser(parts, context, input),
    updateUser: (context, input) => updateUser(parts, context, input),
    async deleteUser(context, { userId }) {
      const user = await loadUser(context, userId);
      refuseBeyondBoundary(context, user.boundaryPolicyId);
      refuseSealed(user);
      await iamStore(context.sql).deleteUser(context.accountId, userId);
      await refuseNoAdministrator(context);
      await context.emit({ type: "iam.userDeleted", message: `User ${userId} was deleted` });
      return {};
    },
  };
}

type NewUser = {
  name: string;
  password?: string;
  kind?: "person" | "service";
  oidcProviderId?: string;
  description?: string;
  tags?: Record<string, string>;
  boundaryPolicyId?: string | null;
  policyIds?: string[];
};

async function createUser(parts: Parts, context: Context, input: NewUser): Promise<User> {
  const { kind = "person", oidcProviderId = null, password, name } = input;
  if (oidcProviderId !== null) await loadProvider(context, oidcProviderId);
  refuseWrongPassword({ kind, oidcProviderId, password });
  if (password === undefined) return insertNewUser(context, { ...input, passwordHash: undefined });
  await acceptPassword(parts, context, { user: { userId: "", name }, password });
  return insertNewUser(context, { ...input, passwordHash: await hashPassword(password) });
}

/**
 * Writes a user with its rights.
 *
 * @param input.passwordHash undefined for who has no password, or none yet.
 */
export async function insertNewUser(
  context: Context,
  input: Omit<NewUser, "password"> & { passwordHash: string | undefined; directory?: boolean },
): Promise<User> {
  const { accountId, sql } = context;
  const store = iamStore(sql);
  const boundaryPolicyId = input.boundaryPolicyId ?? context.identity?.boundary?.policyId ?? null;
  refuseBeyondBoundary(context, boundaryPolicyId);
  if (boundaryPolicyId !== null) await loadPolicy(context, boundaryPolicyId);
  for (const policyId of input.policyIds ?? []) await loadPolicy(context, policyId);
  refuseBeyondLimit(await store.countUsers(accountId), limits.usersMax, "users");
  const user = {
    userId: context.newId("user"),
    name: input.name,
    kind: input.kind ?? "person",
    oidcProviderId: input.oidcProviderId ?? null,
    directory: input.directory ?? false,
    root: false,
    description: input.description ?? "",
    enabled: true,
    policyIds: input.policyIds ?? [],
    groupIds: [],
    boundaryPolicyId,
    tags: input.tags ?? {},
    createTime: timeText(context.nowMs),
  };
  const passwordHash = input.passwordHash ?? NO_PASSWORD;
  await store.insertUser(accountId, { ...user, passwordHash }).catch((error) => {
    throw violates(error, "user_name_unique") ? new Problem("iam.userNameTaken") : error;
  });
  await store.setPolicies(accountId, user.userId, user.policyIds);
  await context.emit({ type: "iam.userCreated", message: `User ${user.name} was created` });
  return { ...user, mfaEnrolled: false, sealed: false, lastSignInTime: null };
}

/** Exactly those have a password who sign in with one. */
function refuseWrongPassword(who: {
  kind: User["kind"];
  oidcProviderId: string | null;
  password: string | undefined;
}): void {
  const wanted = who.kind === "person" && who.oidcProviderId === null;
  if (wanted === (who.password !== undefined)) return;
  const message = wanted
    ? "is missing; or invite the person, or name a sign-in provider"
    : "a service, and who signs in by a provider, has none";
  throw new Problem("iam.passwordRefused", { details: [{ path: "/password", message }] });
}

type ChangedUser = {
  userId: string;
  enabled?: boolean;
  password?: string;
  description?: string;
  tags?: Record<string, string>;
  boundaryPolicyId?: string | null;
  policyIds?: string[];
  confirmLockOut?: boolean;
};

async function updateUser(parts: Parts, context: Context, input: ChangedUser): Promise<User> {
  const { accountId, sql } = context;
  const { userId, enabled, password, description, tags, policyIds } = input;
  const store = iamStore(sql);
  const user = await loadUser(context, userId);
  const { boundaryPolicyId = user.boundaryPolicyId } = input;
  refuseBeyondBoundary(context, user.boundaryPolicyId, boundaryPolicyId);
  refuseSealed(user);
  if (boundaryPolicyId !== null) await loadPolicy(context, boundaryPolicyId);
  for (const policyId of policyIds ?? []) await loadPolicy(context, policyId);
  if (password !== undefined) {
    refuseWrongPassword({ ...user, password });
    await acceptPassword(parts, context, { user, password });
    const passwordHash = await hashPassword(password);
    const passwordChangeTime = timeText(context.nowMs);
    await securityStore(sql).rememberPassword(accountId, userId, passwordChangeTime);
    await store.updateUser(accountId, userId, { passwordHash, passwordChangeTime });
    // Whoever holds an old link must not choose another one.
    await invitationStore(sql).deleteOf(accountId, userId);
  }
  await store.updateUser(accountId, userId, { enabled, description, tags });
  await store.setBoundary(accountId, userId, boundaryPolicyId);
  if (policyIds !== undefined) await store.setPolicies(accountId, userId, policyIds);
  await refuseNoAdministrator(context);
  await refuseLockOut(parts.authorizer, context, input.confirmLockOut);
  // A new password or a disabled user ends what was signed in with the old state.
  if (password !== undefined || enabled === false) await store.endSessionsOf(accountId, userId);
  // A token from before is not worth more after: who got other rights signs in again.
  const rights = policyIds !== undefined || boundaryPolicyId !== user.boundaryPolicyId;
  if (rights) await store.endOtherSessions(accountId, userId, context.caller.sessionId);
  return loadUser(context, userId);
}

type KeyHandlers = Pick<All, "listBearerKeys" | "createBearerKey" | "deleteBearerKey">;

export function bearerKeyHandlers(): KeyHandlers {
  return {
    async listBearerKeys({ sql, accountId }, input) {
      const all = await iamStore(sql).listBearerKeys(accountId);
      const keys = all.filter((key) => input.userId === undefined || key.userId === input.userId);
      const page = pageInMemory(keys, input, ["bearerKeyId", "userId", "name"]);
      return { bearerKeys: page.items, totalCount: page.totalCount };
    },
    async createBearerKey(context, input) {
      const { accountId, nowMs } = context;
      const store = iamStore(context.sql);
      const user = await loadUser(context, input.userId);
      refuseBeyondBoundary(context, user.boundaryPolicyId);
      refuseSealed(user);
      checkCidrs(input.sourceCidrs ?? []);
      await store.lockUser(accountId, input.userId);
      const keys = await store.listBearerKeys(accountId);
      const ofUser = keys.filter((key) => key.userId === input.userId);
      if (ofUser.length >= limits.bearerKeysPerUserMax) throw new Problem("iam.bearerKeyLimit");
      const secret = bearerKeyText(newSecret());
      const { ttlSeconds } = input;
      const bearerKey = {
        bearerKeyId: context.newId("bk"),
        userId: input.userId,
        name: input.name,
        sourceCidrs: input.sourceCidrs ?? [],
        createTime: timeText(nowMs),
        lastUseTime: null,
        expireTime: ttlSeconds === undefined ? null : timeText(nowMs + ttlSeconds * 1000),
      };
      await store.insertBearerKey(accountId, { ...bearerKey, secretHash: hashSecret(secret) });
      return { bearerKey, secret };
    },
    async deleteBearerKey({ sql, accountId }, { bearerKeyId }) {
      const deleted = await iamStore(sql).deleteBearerKey(accountId, bearerKeyId);
      if (deleted.length === 0) throw new Problem("iam.bearerKeyNotFound");
      return {};
    },
  };
}
