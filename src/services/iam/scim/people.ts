/** A directory's users: how they stand in SCIM's form, and what its changes do to them. */
import { Resources } from "scimmy";
import { type Context, timeText } from "../../../kernel/context.ts";
import { Problem } from "../../../kernel/problem.ts";
import { violates } from "../../../kernel/store/database.ts";
import { refuseNoAdministrator, refuseSealed } from "../guards.ts";
import { loadUser } from "../load.ts";
import { iamStore } from "../store.ts";
import { insertNewUser } from "../users.ts";
import {
  checkVersion,
  foundBy,
  keepingFailures,
  SCIM_BASE,
  type ScimCall,
  type ScimResource,
  scimFault,
  scimLimits,
  versionOf,
} from "./protocol.ts";
import { type DirectoryUser, directoryStore, scimCredentialStore } from "./store.ts";

/** Kept by Cordon itself, or told by others of its tables; all else stays as it came. */
const OWN = ["schemas", "id", "meta", "userName", "active", "externalId", "groups", "password"];
const USER_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?$/;

export function userResource(user: DirectoryUser, host: string): ScimResource {
  const resource = {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    ...user.attributes,
    id: user.userId,
    externalId: user.externalId ?? undefined,
    userName: user.name,
    active: user.enabled,
    groups: user.groups.map((group) => ({ ...group, type: "direct" })),
  };
  return {
    ...resource,
    meta: {
      resourceType: "User",
      created: user.createTime,
      lastModified: user.updateTime,
      location: `https://${host}${SCIM_BASE}/Users/${user.userId}`,
      version: versionOf(resource),
    },
  };
}

/** @throws Problem iam.scimNotFound, also for a user that no directory made. */
async function loadDirectoryUser({ context }: ScimCall, userId: string): Promise<DirectoryUser> {
  const [user] = await directoryStore(context.sql).users(context.accountId, userId);
  if (user === undefined) throw new Problem("iam.scimNotFound");
  return user;
}

const found = keepingFailures(async (call: ScimCall, resource: object) => {
  const { sql, accountId, host } = call.context;
  const { id } = resource as { id?: string };
  const users = await directoryStore(sql).users(accountId, id);
  const shown = users.map((user) => userResource(user, host));
  return foundBy(resource, shown);
});

// The library's types want instances of its own classes and take plain objects.
Resources.User.egress((resource, call: ScimCall) => found(call, resource) as never);

Resources.User.ingress(
  (resource, instance, call: ScimCall) =>
    written(call, resource.id, JSON.parse(JSON.stringify(instance))) as never,
);

Resources.User.degress(async (resource, call: ScimCall) => {
  await removed(call, resource.id ?? "");
});

type Wanted = {
  readonly name: string;
  readonly enabled: boolean;
  readonly externalId: string | null;
  readonly attributes: ScimResource;
};

function wantedOf(data: ScimResource): Wanted {
  const { userName, active, externalId } = data;
  if (typeof userName !== "string" || !USER_NAME.test(userName)) {
    const message = "userName must be letters, digits and . _ @ + -, at most 64";
    throw scimFault("invalidValue", message);
  }
  const attributes = Object.fromEntries(
    Object.entries(data).filter(([name]) => !OWN.includes(name)),
  );
  if (Buffer.byteLength(JSON.stringify(attributes)) > scimLimits.attributesBytesMax) {
    throw scimFault("invalidValue", `attributes beyond ${scimLimits.attributesBytesMax} bytes`);
  }
  return {
    name: userName,
    enabled: active !== false,
    externalId: typeof externalId === "string" ? externalId.slice(0, 256) : null,
    attributes,
  };
}

const taken = (error: unknown): never => {
  const known = violates(error, "user_name_unique") || violates(error, "user_external_id");
  throw known ? new Problem("iam.scimTaken") : error;
};

const written = keepingFailures(
  async (call: ScimCall, id: string | undefined, data: ScimResource): Promise<ScimResource> => {
    const wanted = wantedOf(data);
    const userId = id === undefined ? await made(call, wanted) : await changed(call, id, wanted);
    const user = await loadDirectoryUser(call, userId);
    return userResource(user, call.context.host);
  },
);

async function made({ context }: ScimCall, wanted: Wanted): Promise<string> {
  const { accountId, sql, nowMs } = context;
  const oidcProviderId = await providerOf(context);
  const users = await iamStore(sql).listUsers(accountId);
  if (users.some(({ name }) => name.toLowerCase() === wanted.name.toLowerCase())) {
    throw new Problem("iam.scimTaken");
  }
  const { userId } = await insertNewUser(context, {
    name: wanted.name,
    ...(oidcProviderId === null ? {} : { oidcProviderId }),
    directory: true,
    passwordHash: undefined,
  });
  await directoryStore(sql)
    .setUser(accountId, userId, { ...wanted, time: timeText(nowMs) })
    .catch(taken);
  return userId;
}

/** The provider that the calling credential makes people for. */
async function providerOf({ sql, accountId, caller }: Context): Promise<string | null> {
  const all = await scimCredentialStore(sql).list(accountId);
  const own = all.find((one) => one.scimCredentialId === caller.principalId);
  return own?.oidcProviderId ?? null;
}

async function changed(call: ScimCall, userId: string, wanted: Wanted): Promise<string> {
  const { context } = call;
  const { accountId, sql, nowMs } = context;
  await iamStore(sql).lockUser(accountId, userId);
  const before = await loadDirectoryUser(call, userId);
  checkVersion(context, versionOf(userResource(before, context.host)));
  refuseSealed(await loadUser(context, userId));
  await directoryStore(sql)
    .setUser(accountId, userId, { ...wanted, time: timeText(nowMs) })
    .catch(taken);
  if (!wanted.enabled) await ended(context, userId);
  return userId;
}

/** Who left has nothing left: no session, no key, nothing that he took on. */
async function ended(context: Context, userId: string): Promise<void> {
  const { accountId, sql } = context;
  await iamStore(sql).endSessionsOf(accountId, userId);
  await iamStore(sql).deleteKeysOf(accountId, userId);
  // A role session may be of another account's role.
  await context.asSystem((system) => directoryStore(system).endRoleSessionsOf(accountId, userId));
  await refuseNoAdministrator(context);
}

const removed = keepingFailures(async (call: ScimCall, userId: string): Promise<void> => {
  const { context } = call;
  const before = await loadDirectoryUser(call, userId);
  checkVersion(context, versionOf(userResource(before, context.host)));
  await ended(context, userId);
  await iamStore(context.sql).deleteUser(context.accountId, userId);
  await refuseNoAdministrator(context);
  await context.emit({ type: "iam.userDeleted", message: `User ${before.name} was deleted` });
});
