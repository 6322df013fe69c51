/** Whom a provider's person is here: known by subject, invited by name, or made now. */
import { type Context, timeText } from "../../../kernel/context.ts";
import { Problem } from "../../../kernel/problem.ts";
import { violates } from "../../../kernel/store/database.ts";
import { limits, NO_PASSWORD } from "../domain.ts";
import { groupStore } from "../group-store.ts";
import { refuseBeyondLimit } from "../guards.ts";
import { iamStore } from "../store.ts";
import type { Person } from "./rules.ts";
import { oidcSignInStore, type ProviderRow } from "./store.ts";

const refused = (path: string, message: string) =>
  new Problem("iam.oidcRefused", { details: [{ path, message }] });

/**
 * The user of a person, with the groups and tags that the provider's rules give.
 *
 * INVARIANT: a user belongs to a person by provider and subject only. A name or an address that
 * equals a user's of this account ties nobody to it, unless the user was made for this provider.
 *
 * @throws Problem iam.oidcRefused when he is not known and may not be made.
 */
export async function admittedUser(
  context: Context,
  { accountId, oidcProviderId, rules }: ProviderRow,
  person: Person,
): Promise<string> {
  const store = oidcSignInStore(context.sql);
  const by = { oidcProviderId, subject: person.subject };
  const userId =
    (await store.userBySubject(accountId, by)) ??
    (await store.claimInvited(accountId, { ...by, name: person.name })) ??
    (rules.provisioning === "create"
      ? await made(context, { accountId, oidcProviderId }, person)
      : undefined);
  if (userId === undefined) throw refused(rules.nameClaim, "this account has not invited you");
  await store.tieUser(accountId, userId, by);
  await putIntoGroups(context, { accountId, userId }, person);
  if (Object.keys(rules.tagClaims).length > 0) {
    const [user] = await iamStore(context.sql).listUsers(accountId, userId);
    // What the provider no longer says is no longer so.
    const kept = Object.entries(user?.tags ?? {}).filter(([tag]) => !(tag in rules.tagClaims));
    const tags = { ...Object.fromEntries(kept), ...person.tags };
    await iamStore(context.sql).updateUser(accountId, userId, { tags });
  }
  return userId;
}

async function made(
  context: Context,
  { accountId, oidcProviderId }: { accountId: string; oidcProviderId: string },
  person: Person,
): Promise<string> {
  const store = iamStore(context.sql);
  refuseBeyondLimit(await store.countUsers(accountId), limits.usersMax, "users");
  const userId = context.newId("user");
  const user = {
    userId,
    name: person.name,
    description: "",
    kind: "person" as const,
    oidcProviderId,
    directory: false,
    root: false,
    enabled: true,
    policyIds: [],
    groupIds: [],
    boundaryPolicyId: null,
    tags: {},
    createTime: timeText(context.nowMs),
    passwordHash: NO_PASSWORD,
  };
  await store.insertUser(accountId, user).catch((error) => {
    throw violates(error, "user_name_unique")
      ? refused("name", "another user of this account has this name")
      : error;
  });
  return userId;
}

/** Groups that rules name are the provider's to give and to take; others are left alone. */
async function putIntoGroups(
  { sql }: Context,
  { accountId, userId }: { accountId: string; userId: string },
  person: Person,
): Promise<void> {
  const store = groupStore(sql);
  const groups = await store.list(accountId);
  const managed = groups.filter(({ groupId }) => person.groupIdsManaged.includes(groupId));
  const others = groups.filter(
    (group) => !managed.includes(group) && group.userIds.includes(userId),
  );
  const wanted = managed.filter(({ groupId }) => person.groupIds.includes(groupId));
  if (others.length + wanted.length > limits.groupsPerUserMax) {
    throw refused("groups", `a user may be in ${limits.groupsPerUserMax} groups`);
  }
  for (const group of managed) {
    const { groupId } = group;
    const isIn = group.userIds.includes(userId);
    const isWanted = wanted.includes(group);
    if (isIn && !isWanted) await store.removeMember(accountId, groupId, userId);
    if (isIn || !isWanted) continue;
    if (group.userIds.length >= limits.usersPerGroupMax) {
      throw refused("groups", `the group ${group.name} is full`);
    }
    await store.addMember(accountId, groupId, userId);
  }
}
