/** A directory's groups. What a group may is given to it here, never by the directory. */
import { Resources } from "scimmy";
import { timeText } from "../../../kernel/context.ts";
import { Problem } from "../../../kernel/problem.ts";
import { violates } from "../../../kernel/store/database.ts";
import { limits } from "../domain.ts";
import { groupStore } from "../group-store.ts";
import { refuseBeyondLimit } from "../guards.ts";
import { iamStore } from "../store.ts";
import {
  checkVersion,
  foundBy,
  keepingFailures,
  SCIM_BASE,
  type ScimCall,
  type ScimResource,
  scimFault,
  versionOf,
} from "./protocol.ts";
import { type DirectoryGroup, directoryStore } from "./store.ts";

const GROUP_NAME = /^[^\s\p{C}](?:[^\p{C}]{0,126}[^\s\p{C}])?$/u;

export function groupResource(group: DirectoryGroup, host: string): ScimResource {
  const location = `https://${host}${SCIM_BASE}`;
  const resource = {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    id: group.groupId,
    externalId: group.externalId ?? undefined,
    displayName: group.name,
    members: group.members.map(({ value, display }) => ({
      ...{ value, display, type: "User", $ref: `${location}/Users/${value}` },
    })),
  };
  return {
    ...resource,
    meta: {
      resourceType: "Group",
      created: group.createTime,
      lastModified: group.updateTime,
      location: `${location}/Groups/${group.groupId}`,
      version: versionOf(resource),
    },
  };
}

async function loadDirectoryGroup({ context }: ScimCall, groupId: string) {
  const [group] = await directoryStore(context.sql).groups(context.accountId, groupId);
  if (group === undefined) throw new Problem("iam.scimNotFound");
  return group;
}

const found = keepingFailures(async (call: ScimCall, resource: object) => {
  const { sql, accountId, host } = call.context;
  const { id } = resource as { id?: string };
  const groups = await directoryStore(sql).groups(accountId, id);
  const shown = groups.map((group) => groupResource(group, host));
  return foundBy(resource, shown);
});

// The library's types want instances of its own classes and take plain objects.
Resources.Group.egress((resource, call: ScimCall) => found(call, resource) as never);

Resources.Group.ingress(
  (resource, instance, call: ScimCall) =>
    written(call, resource.id, JSON.parse(JSON.stringify(instance))) as never,
);

Resources.Group.degress(async (resource, call: ScimCall) => {
  await removed(call, resource.id ?? "");
});

const written = keepingFailures(
  async (call: ScimCall, id: string | undefined, data: ScimResource): Promise<ScimResource> => {
    const { displayName, externalId } = data;
    if (typeof displayName !== "string" || !GROUP_NAME.test(displayName)) {
      throw scimFault(
        "invalidValue",
        "displayName must be a printable name of 1 to 128 characters",
      );
    }
    const { context } = call;
    const { accountId, sql, nowMs } = context;
    const time = timeText(nowMs);
    const groupId = id ?? (await made(call, displayName));
    if (id !== undefined) {
      const before = await loadDirectoryGroup(call, id);
      checkVersion(context, versionOf(groupResource(before, context.host)));
    }
    const row = { name: displayName, externalId: textOf(externalId), time };
    await directoryStore(sql).setGroup(accountId, groupId, row).catch(taken);
    await setMembers(call, groupId, data.members);
    return groupResource(await loadDirectoryGroup(call, groupId), context.host);
  },
);

const textOf = (value: unknown) => (typeof value === "string" ? value.slice(0, 256) : null);

const taken = (error: unknown): never => {
  const known = violates(error, "group_name_unique") || violates(error, "group_external_id");
  throw known ? new Problem("iam.scimTaken") : error;
};

async function made({ context }: ScimCall, name: string): Promise<string> {
  const { accountId, sql, nowMs } = context;
  const store = groupStore(sql);
  refuseBeyondLimit((await store.list(accountId)).length, limits.groupsMax, "groups");
  const groupId = context.newId("grp");
  const createTime = timeText(nowMs);
  await store
    .insert(accountId, { groupId, name, description: "", policyIds: [], userIds: [], createTime })
    .catch(taken);
  return groupId;
}

/** Members that no directory made are left as they are. */
async function setMembers({ context }: ScimCall, groupId: string, members: unknown) {
  const { accountId, sql } = context;
  const list: unknown[] = Array.isArray(members) ? members : [];
  const wanted = new Set(list.map((one) => String((one as { value?: unknown }).value)));
  const known = new Map(
    (await directoryStore(sql).users(accountId)).map((user) => [user.userId, user]),
  );
  const store = groupStore(sql);
  const group = (await store.list(accountId)).find((one) => one.groupId === groupId);
  const present = new Set(group?.userIds ?? []);
  for (const userId of present) {
    if (!known.has(userId) || wanted.has(userId)) continue;
    await store.removeMember(accountId, groupId, userId);
  }
  let count = [...present].filter((id) => wanted.has(id) || !known.has(id)).length;
  for (const userId of wanted) {
    const user = known.get(userId);
    if (user === undefined) throw scimFault("invalidValue", `there is no user "${userId}"`);
    if (present.has(userId)) continue;
    refuseBeyondLimit(count, limits.usersPerGroupMax, "users in the group");
    const groups = (await iamStore(sql).listUsers(accountId)).find((one) => one.userId === userId);
    const inGroups = groups?.groupIds.length ?? 0;
    refuseBeyondLimit(inGroups, limits.groupsPerUserMax, "groups of the user");
    await store.addMember(accountId, groupId, userId);
    count += 1;
  }
}

const removed = keepingFailures(async (call: ScimCall, groupId: string): Promise<void> => {
  const { context } = call;
  const before = await loadDirectoryGroup(call, groupId);
  checkVersion(context, versionOf(groupResource(before, context.host)));
  await groupStore(context.sql).delete(context.accountId, groupId);
});
