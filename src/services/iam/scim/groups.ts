/** A directory's groups. What a group may is given to it here, never by the directory. */
import { Resources } from "scimmy";
import { type Context, timeText } from "../../../kernel/context.ts";
import { Problem } from "../../../kernel/problem.ts";
import { violates } from "../../../kernel/store/database.ts";
import { limits } from "../domain.ts";
import { groupStore } from "../group-store.ts";
import { refuseBeyondLimit } from "../guards.ts";
import { keep, type Library } from "./kept.ts";
import { SCIM_BASE, type ScimResource, scimFault, versionOf } from "./protocol.ts";
import { type DirectoryGroup, directoryStore } from "./store.ts";

const GROUP_NAME = /^[^\s\p{C}](?:[^\p{C}]{0,126}[^\s\p{C}])?$/u;

function groupResource(group: DirectoryGroup, host: string): ScimResource {
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

async function replaced(context: Context, groupId: string, data: ScimResource): Promise<void> {
  const { accountId, sql, nowMs } = context;
  const row = { name: nameOf(data), externalId: textOf(data.externalId), time: timeText(nowMs) };
  await directoryStore(sql).setGroup(accountId, groupId, row).catch(taken);
  await setMembers(context, groupId, data.members);
}

function nameOf({ displayName }: ScimResource): string {
  if (typeof displayName === "string" && GROUP_NAME.test(displayName)) return displayName;
  throw scimFault("invalidValue", "displayName must be a printable name of 1 to 128 characters");
}

const textOf = (value: unknown) => (typeof value === "string" ? value.slice(0, 256) : null);

const taken = (error: unknown): never => {
  const known = violates(error, "group_name_unique") || violates(error, "group_external_id");
  throw known ? new Problem("iam.scimTaken") : error;
};

async function created(context: Context, data: ScimResource): Promise<string> {
  const { accountId, sql, nowMs } = context;
  const store = groupStore(sql);
  refuseBeyondLimit((await store.list(accountId)).length, limits.groupsMax, "groups");
  const groupId = context.newId("grp");
  const group = { groupId, name: nameOf(data), description: "", policyIds: [], userIds: [] };
  await store.insert(accountId, { ...group, createTime: timeText(nowMs) }).catch(taken);
  await replaced(context, groupId, data);
  return groupId;
}

/** Members that no directory made are left as they are. */
async function setMembers(context: Context, groupId: string, members: unknown): Promise<void> {
  const { accountId, sql } = context;
  const list: unknown[] = Array.isArray(members) ? members : [];
  const wanted = new Set(list.map((one) => String((one as { value?: unknown }).value)));
  const store = groupStore(sql);
  const { present, known } = await directoryStore(sql).membership(accountId, groupId);
  for (const userId of present) {
    if (!known.has(userId) || wanted.has(userId)) continue;
    await store.removeMember(accountId, groupId, userId);
  }
  let count = [...present].filter((id) => wanted.has(id) || !known.has(id)).length;
  for (const userId of wanted) {
    const inGroups = known.get(userId);
    if (inGroups === undefined) throw scimFault("invalidValue", `there is no user "${userId}"`);
    if (present.has(userId)) continue;
    refuseBeyondLimit(count, limits.usersPerGroupMax, "users in the group");
    refuseBeyondLimit(inGroups, limits.groupsPerUserMax, "groups of the user");
    await store.addMember(accountId, groupId, userId);
    count += 1;
  }
}

/** Lets the library keep groups. */
export function keepGroups(): void {
  keep<DirectoryGroup>({
    // Its types want instances of its own classes, and it takes plain objects.
    resource: Resources.Group as unknown as Library,
    load: ({ sql, accountId }, id) => directoryStore(sql).groups(accountId, id),
    lock: ({ sql, accountId }, id) => directoryStore(sql).lockGroup(accountId, id),
    shown: groupResource,
    create: created,
    replace: replaced,
    remove: ({ sql, accountId }, groupId) => groupStore(sql).delete(accountId, groupId),
  });
}
