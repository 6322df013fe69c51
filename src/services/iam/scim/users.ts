/** A directory's users: how they stand in SCIM's form, and what its changes do to them. */
import { Resources } from "scimmy";
import { type Context, timeText } from "../../../kernel/context.ts";
import { Problem } from "../../../kernel/problem.ts";
import { violates } from "../../../kernel/store/database.ts";
import { refuseNoAdministrator, refuseSealed } from "../guards.ts";
import { loadUser } from "../load.ts";
import { iamStore } from "../store.ts";
import { insertNewUser } from "../users.ts";
import { keep, type Library } from "./kept.ts";
import { SCIM_BASE, type ScimResource, scimFault, scimLimits, versionOf } from "./protocol.ts";
import { type DirectoryUser, directoryStore, scimCredentialStore } from "./store.ts";

/** Kept by Cordon itself, or told by others of its tables; all else stays as it came. */
const OWN = ["schemas", "id", "meta", "userName", "active", "externalId", "groups", "password"];
const USER_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?$/;

function userResource(user: DirectoryUser, host: string): ScimResource {
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

async function created(context: Context, data: ScimResource): Promise<string> {
  const { accountId, sql } = context;
  const wanted = wantedOf(data);
  const oidcProviderId = await providerOf(context);
  if (await iamStore(sql).hasUserNamed(accountId, wanted.name)) throw new Problem("iam.scimTaken");
  const { userId } = await insertNewUser(context, {
    name: wanted.name,
    ...(oidcProviderId === null ? {} : { oidcProviderId }),
    directory: true,
    passwordHash: undefined,
  });
  await set(context, userId, wanted);
  return userId;
}

async function set({ accountId, sql, nowMs }: Context, userId: string, wanted: Wanted) {
  await directoryStore(sql)
    .setUser(accountId, userId, { ...wanted, time: timeText(nowMs) })
    .catch(taken);
}

/** The provider that the calling credential makes people for. */
async function providerOf({ sql, accountId, caller }: Context): Promise<string | null> {
  const all = await scimCredentialStore(sql).list(accountId);
  const own = all.find((one) => one.scimCredentialId === caller.principalId);
  return own?.oidcProviderId ?? null;
}

async function replaced(context: Context, userId: string, data: ScimResource): Promise<void> {
  const wanted = wantedOf(data);
  refuseSealed(await loadUser(context, userId));
  await set(context, userId, wanted);
  if (!wanted.enabled) await ended(context, userId);
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

async function removed(context: Context, userId: string, { name }: DirectoryUser): Promise<void> {
  await ended(context, userId);
  await iamStore(context.sql).deleteUser(context.accountId, userId);
  await refuseNoAdministrator(context);
  await context.emit({ type: "iam.userDeleted", message: `User ${name} was deleted` });
}

/** Lets the library keep users. */
export function keepUsers(): void {
  keep<DirectoryUser>({
    // Its types want instances of its own classes, and it takes plain objects.
    resource: Resources.User as unknown as Library,
    load: ({ sql, accountId }, id) => directoryStore(sql).users(accountId, id),
    lock: ({ sql, accountId }, id) => iamStore(sql).lockUser(accountId, id),
    shown: userResource,
    create: created,
    replace: replaced,
    remove: removed,
  });
}
