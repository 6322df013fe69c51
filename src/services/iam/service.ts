/** Handlers of identity and access. */
import { compileJsonPolicy } from "../../engines/policy/index.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import { newSecret } from "../../kernel/id.ts";
import { csrfTokenOf, hashSecret } from "../../kernel/identity/authenticate.ts";
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import { decoyHash, hashPassword, verifyPassword } from "../../kernel/identity/password.ts";
import type { Sealer } from "../../kernel/identity/sealer.ts";
import type { Contract } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Service, service } from "../../kernel/service.ts";
import { type Database, violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { accessKeyHandlers } from "./access-keys.ts";
import { type Caller, iamContract, type PolicyDocument, type User } from "./contract.ts";
import {
  ADMINISTRATOR,
  bearerKeyText,
  keepsAdministrator,
  limits,
  selfServicePolicy,
  withUser,
} from "./domain.ts";
import { loadPolicy, loadUser } from "./load.ts";
import { iamStore, type SignInRow, signInStore } from "./store.ts";

export type IamParts = {
  readonly database: Database;
  readonly authorizer: Authorizer;
  readonly contracts: readonly Contract[];
  readonly sealer: Sealer;
};

const userFields = ["userId", "name", "enabled", "policyIds", "createTime"];
const policyFields = ["policyId", "name", "description", "managed", "updateTime"];

/** The iam service. */
export function iamService(parts: IamParts): Service {
  return service(iamContract, {
    signIn: (context, input) => signIn(parts, context, input),
    async signOut(context) {
      const { sessionId } = context.caller;
      if (sessionId !== undefined) {
        await iamStore(context.sql).deleteSession(context.accountId, sessionId);
      }
      context.setSessionCookie(null, 0);
      return {};
    },
    async getCaller({ caller, sessionToken }) {
      const csrfToken = sessionToken === undefined ? null : csrfTokenOf(sessionToken);
      return { caller: callerView(caller), csrfToken };
    },
    async listUsers({ sql, accountId }, input) {
      const users = await iamStore(sql).listUsers(accountId);
      const page = pageInMemory(users.map(userView), input, userFields);
      return { users: page.items, totalCount: page.totalCount };
    },
    getUser: async (context, { userId }) => userView(await loadUser(context, userId)),
    createUser: (context, input) => createUser(context, input),
    updateUser: (context, input) => updateUser(context, input),
    async deleteUser(context, { userId }) {
      await loadUser(context, userId);
      await refuseLastAdministrator(context, userId, undefined);
      await iamStore(context.sql).deleteUser(context.accountId, userId);
      await context.emit({ type: "iam.userDeleted", message: `User ${userId} was deleted` });
      return {};
    },
    async listBearerKeys({ sql, accountId }, input) {
      const all = await iamStore(sql).listBearerKeys(accountId);
      const keys = all.filter((key) => input.userId === undefined || key.userId === input.userId);
      const page = pageInMemory(keys, input, ["bearerKeyId", "userId", "name"]);
      return { bearerKeys: page.items, totalCount: page.totalCount };
    },
    createBearerKey: (context, input) => createBearerKey(context, input),
    async deleteBearerKey({ sql, accountId }, { bearerKeyId }) {
      const deleted = await iamStore(sql).deleteBearerKey(accountId, bearerKeyId);
      if (deleted.length === 0) throw new Problem("iam.bearerKeyNotFound");
      return {};
    },
    async listSessions({ sql, accountId, nowMs, caller }, input) {
      const sessions = await iamStore(sql).listSessions(accountId, timeText(nowMs));
      const marked = sessions.map((session) => ({
        ...session,
        current: session.sessionId === caller.sessionId,
      }));
      const page = pageInMemory(marked, input, ["sessionId", "userId", "sourceIp"]);
      return { sessions: page.items, totalCount: page.totalCount };
    },
    async revokeSession({ sql, accountId }, { sessionId }) {
      const deleted = await iamStore(sql).deleteSession(accountId, sessionId);
      if (deleted.length === 0) throw new Problem("iam.sessionNotFound");
      return {};
    },
    async listPolicies({ sql, accountId }, input) {
      const policies = await iamStore(sql).listPolicies(accountId);
      const page = pageInMemory(policies.map(withoutVersion), input, policyFields);
      return { policies: page.items, totalCount: page.totalCount };
    },
    getPolicy: async (context, { policyId }) => withoutVersion(await loadPolicy(context, policyId)),
    createPolicy: (context, input) => createPolicy(context, input),
    async updatePolicy(context, { policyId, description, document }) {
      const policy = await loadPolicy(context, policyId);
      if (policy.managed) throw new Problem("iam.policyManaged");
      if (document !== undefined) checkDocument(document);
      const change = { description, document, time: timeText(context.nowMs) };
      await iamStore(context.sql).updatePolicy(context.accountId, policyId, change);
      return withoutVersion(await loadPolicy(context, policyId));
    },
    async deletePolicy(context, { policyId }) {
      const policy = await loadPolicy(context, policyId);
      if (policy.managed) throw new Problem("iam.policyManaged");
      if (policy.attachedUserCount > 0) throw new Problem("iam.policyInUse");
      await iamStore(context.sql).deletePolicy(context.accountId, policyId);
      return {};
    },
    async listActions(_context, input) {
      const page = pageInMemory(actionsOf(parts.contracts), input, ["action", "operation"]);
      return { actions: page.items, totalCount: page.totalCount };
    },
    ...accessKeyHandlers(parts),
    simulatePolicy: (context, input) => simulate(parts, context, input),
  });
}

function callerView(caller: Context["caller"]): Caller {
  const { accountId, accountName, operator, principalType, principalId, principalName } = caller;
  return { accountId, accountName, operator, principalType, principalId, principalName };
}

function userView({ accountId: _, ...user }: User & { accountId?: string }): User {
  return user;
}

function withoutVersion<Versioned extends { version: string }>({ version: _, ...rest }: Versioned) {
  return rest;
}

/** Every way to fail takes as long and answers the same, so that no name can be probed. */
async function signIn(
  { database }: IamParts,
  context: Context,
  input: { accountName: string; userName: string; password: string },
) {
  const { nowMs, newId, sourceIp, userAgent } = context;
  const user = await database.transaction("system", (sql) =>
    signInStore(sql).findUser(input.accountName, input.userName),
  );
  const matches = await verifyPassword(input.password, user?.passwordHash ?? decoyHash);
  if (user === undefined || !matches || !user.enabled) throw new Problem("iam.signInFailed");
  const token = newSecret();
  const time = timeText(nowMs);
  await signInStore(context.sql).startSession(user.accountId, {
    sessionId: newId("ses"),
    userId: user.userId,
    tokenHash: hashSecret(token),
    sourceIp,
    userAgent,
    createTime: time,
    lastUseTime: time,
    expireTime: timeText(nowMs + limits.sessionAbsoluteMs),
  });
  context.setSessionCookie(token, limits.sessionAbsoluteMs / 1000);
  return { caller: signedInCaller(user), csrfToken: csrfTokenOf(token) };
}

function signedInCaller(user: SignInRow): Caller {
  return {
    accountId: user.accountId,
    accountName: user.accountName,
    operator: user.operator,
    principalType: "user",
    principalId: user.userId,
    principalName: user.userName,
  };
}

async function createUser(
  context: Context,
  input: { name: string; password: string; policyIds?: string[] },
): Promise<User> {
  const store = iamStore(context.sql);
  for (const policyId of input.policyIds ?? []) await loadPolicy(context, policyId);
  const user: User = {
    userId: context.newId("user"),
    name: input.name,
    enabled: true,
    policyIds: input.policyIds ?? [],
    lastSignInTime: null,
    createTime: timeText(context.nowMs),
  };
  const passwordHash = await hashPassword(input.password);
  await store.insertUser(context.accountId, { ...user, passwordHash }).catch((error) => {
    throw violates(error, "user_name_unique") ? new Problem("iam.userNameTaken") : error;
  });
  await store.setPolicies(context.accountId, user.userId, user.policyIds);
  await context.emit({ type: "iam.userCreated", message: `User ${user.name} was created` });
  return user;
}

async function updateUser(
  context: Context,
  input: { userId: string; enabled?: boolean; password?: string; policyIds?: string[] },
): Promise<User> {
  const { accountId, sql } = context;
  const { userId, enabled, password, policyIds } = input;
  const store = iamStore(sql);
  await loadUser(context, userId);
  for (const policyId of policyIds ?? []) await loadPolicy(context, policyId);
  await refuseLastAdministrator(context, userId, (user) => ({
    ...user,
    enabled: enabled ?? user.enabled,
    policyIds: policyIds ?? user.policyIds,
  }));
  const passwordHash = password === undefined ? undefined : await hashPassword(password);
  await store.updateUser(accountId, userId, { enabled, passwordHash });
  if (policyIds !== undefined) await store.setPolicies(accountId, userId, policyIds);
  // A new password or a disabled user ends what was signed in with the old state.
  if (passwordHash !== undefined || enabled === false) await store.endSessionsOf(accountId, userId);
  return userView(await loadUser(context, userId));
}

async function refuseLastAdministrator(
  { sql, accountId }: Context,
  userId: string,
  change: ((user: User) => User) | undefined,
): Promise<void> {
  const store = iamStore(sql);
  const policies = await store.listPolicies(accountId);
  const administrator = policies.find((policy) => policy.managed && policy.name === ADMINISTRATOR);
  const users: User[] = await store.listUsers(accountId);
  const after = withUser(users, userId, change);
  if (!keepsAdministrator(after, administrator?.policyId ?? "")) {
    throw new Problem("iam.lastAdministrator");
  }
}

async function createBearerKey(
  context: Context,
  input: { userId: string; name: string; ttlSeconds?: number },
) {
  const { accountId, nowMs } = context;
  const store = iamStore(context.sql);
  await loadUser(context, input.userId);
  const keys = await store.listBearerKeys(accountId);
  const ofUser = keys.filter((key) => key.userId === input.userId);
  if (ofUser.length >= limits.bearerKeysPerUserMax) throw new Problem("iam.bearerKeyLimit");
  const secret = bearerKeyText(newSecret());
  const { ttlSeconds } = input;
  const bearerKey = {
    bearerKeyId: context.newId("bk"),
    userId: input.userId,
    name: input.name,
    createTime: timeText(nowMs),
    lastUseTime: null,
    expireTime: ttlSeconds === undefined ? null : timeText(nowMs + ttlSeconds * 1000),
  };
  await store.insertBearerKey(accountId, { ...bearerKey, secretHash: hashSecret(secret) });
  return { bearerKey, secret };
}

function checkDocument(document: PolicyDocument): void {
  const compiled = compileJsonPolicy(document);
  if ("faults" in compiled) throw new Problem("iam.policyInvalid", { details: compiled.faults });
}

async function createPolicy(
  context: Context,
  input: { name: string; description?: string; document: PolicyDocument },
) {
  checkDocument(input.document);
  const policyId = context.newId("pol");
  const policy = {
    policyId,
    name: input.name,
    description: input.description ?? "",
    managed: false,
    document: input.document,
    time: timeText(context.nowMs),
  };
  await iamStore(context.sql)
    .insertPolicy(context.accountId, policy)
    .catch((error) => {
      throw violates(error, "policy_name_unique") ? new Problem("iam.policyNameTaken") : error;
    });
  return withoutVersion(await loadPolicy(context, policyId));
}

function actionsOf(contracts: readonly Contract[]) {
  return contracts.flatMap((contract) =>
    Object.values(contract.operations).map((operation) => ({
      action: operation.action,
      operation: operation.name,
      resource: `crn:${contract.service}::<account>:${operation.resource}`,
      summary: operation.summary,
    })),
  );
}

async function simulate(
  { authorizer }: IamParts,
  context: Context,
  input: { userId: string; action: string; resource: string; sourceIp?: string },
) {
  const user = await loadUser(context, input.userId);
  const policies = await iamStore(context.sql).listPolicies(context.accountId);
  const attached = policies.filter((policy) => user.policyIds.includes(policy.policyId));
  const answer = authorizer.decide({
    caller: { ...context.caller, principalId: user.userId, principalName: user.name },
    policies: [selfServicePolicy, ...attached],
    action: input.action,
    resource: input.resource,
    sourceIp: input.sourceIp ?? context.sourceIp,
    nowMs: context.nowMs,
  });
  const names = attached
    .filter((policy) => answer.determiningPolicyIds.some((id) => id.startsWith(policy.policyId)))
    .map((policy) => policy.name);
  return {
    decision: answer.decision,
    determiningPolicyIds: [...answer.determiningPolicyIds],
    explanation:
      names.length === 0
        ? "No statement of the user's policies says anything about it, so it is denied"
        : `Decided by ${names.join(", ")}`,
  };
}
