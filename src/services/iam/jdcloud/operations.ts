/**
 * The operations of the vendor's `iam` and `sts` services, each with the one operation of ours that
 * it is. The paths are those of the public SDK.
 */
import type { AccessKey, Group, User } from "../contract.ts";
import {
  attached,
  attachment,
  deleteKey,
  iam,
  type JdOperation,
  nothing,
  page,
  permission,
  setKey,
} from "./declare.ts";
import type { Names } from "./names.ts";
import { policies, roles } from "./policy-operations.ts";
import {
  given,
  groupView,
  info,
  type JdRequest,
  keyView,
  listInput,
  newUser,
  parsed,
  roleOf,
  userView,
} from "./translate.ts";

export type { JdOperation } from "./declare.ts";

const users: JdOperation[] = [
  iam("POST /subUser", "createSubUser", {
    native: "iam.createUser",
    input: ({ body }) => newUser(info(body, "createSubUserInfo")),
    answer: (user: User) => ({ subUser: userView(user) }),
  }),
  iam("GET /subUser/{subUser}", "describeSubUser", {
    native: "iam.getUser",
    input: async ({ path }, names) => ({ userId: await names.user(path.subUser ?? "") }),
    answer: (user: User) => ({ subUser: userView(user) }),
  }),
  iam("PUT /subUser/{subUser}", "updateSubUser", {
    native: "iam.updateUser",
    input: async ({ path, body }, names) => {
      const { description, password, phone, email } = info(body, "updateSubUserInfo");
      const tags = given({ phone: phone || undefined, email: email || undefined });
      return given({
        userId: await names.user(path.subUser ?? ""),
        description,
        password,
        tags: Object.keys(tags).length === 0 ? undefined : tags,
      });
    },
    answer: (user: User) => ({ subUser: userView(user) }),
  }),
  iam("DELETE /subUser/{subUser}", "deleteSubUser", {
    native: "iam.deleteUser",
    input: async ({ path }, names) => ({ userId: await names.user(path.subUser ?? "") }),
    answer: nothing,
  }),
  iam("GET /subUsers", "describeSubUsers", {
    native: "iam.listUsers",
    input: (request) => listInput(request),
    answer: ({ users: all, totalCount }: { users: User[]; totalCount: number }) =>
      page("subUsers", totalCount, all.map(userView)),
  }),
  iam("GET /subUser/{subUser}/groups", "describeSubUserGroups", {
    native: "iam.listGroups",
    input: async ({ path }, names) => ({ userId: await names.user(path.subUser ?? "") }),
    answer: ({ groups, totalCount }: { groups: Group[]; totalCount: number }) =>
      page("groups", totalCount, groups.map(groupView)),
  }),
  iam(
    "GET /subUser/{subUser}/policies",
    "describeAttachedSubUserPolicies",
    attached("user", "subUser"),
  ),
  iam(
    "POST /subUser/{subUser}:attachSubUserPolicy",
    "attachSubUserPolicy",
    attachment("user", "attachPolicy", "subUser"),
  ),
  iam(
    "DELETE /subUser/{subUser}:detachSubUserPolicy",
    "detachSubUserPolicy",
    attachment("user", "detachPolicy", "subUser"),
  ),
  iam(
    "PUT /subUser/{subUser}/accessKey/{accessKey}:enable",
    "enableSubUserAccessKey",
    setKey(true, false),
  ),
  iam(
    "PUT /subUser/{subUser}/accessKey/{accessKey}:disable",
    "disableSubUserAccessKey",
    setKey(false, false),
  ),
  iam(
    "DELETE /subUser/{subUser}/accessKey/{accessKey}",
    "deleteSubUserAccessKey",
    deleteKey(false),
  ),
];

const ownKeys: JdOperation[] = [
  iam("GET /regions/{regionId}/userAccessKeys", "describeUserAccessKeys", {
    native: "iam.listAccessKeys",
    input: (_request, names) => ({ userId: names.self }),
    answer: ({ accessKeys, totalCount }: { accessKeys: AccessKey[]; totalCount: number }) =>
      page("userAccessKeys", totalCount, accessKeys.map(keyView)),
  }),
  iam("POST /regions/{regionId}/userAccessKey", "createUserAccessKey", {
    native: "iam.createAccessKey",
    input: (_request, names) => ({ userId: names.self }),
    answer: ({ accessKey, secret }: { accessKey: AccessKey; secret: string }) => ({
      userAccessKey: { ...keyView(accessKey), secretAccessKey: secret },
    }),
  }),
  iam(
    "PUT /regions/{regionId}/userAccessKey/{accessKey}:enabled",
    "enabledUserAccessKey",
    setKey(true, true),
  ),
  iam(
    "PUT /regions/{regionId}/userAccessKey/{accessKey}:disabled",
    "disabledUserAccessKey",
    setKey(false, true),
  ),
  iam(
    "DELETE /regions/{regionId}/userAccessKey/{accessKey}",
    "deleteUserAccessKey",
    deleteKey(true),
  ),
];

const member = (native: string) => ({
  native,
  input: async ({ path, body, query }: JdRequest, names: Names) => ({
    groupId: await names.group(path.groupName ?? ""),
    userId: await names.user(String(body.subUser ?? query.subUser ?? "")),
  }),
  answer: nothing,
});

const groups: JdOperation[] = [
  iam("POST /group", "createGroup", {
    native: "iam.createGroup",
    input: ({ body }) => {
      const { name, groupName, description } = info(body, "createGroupInfo");
      return given({ name: name ?? groupName, description });
    },
    answer: (group: Group) => ({ group: groupView(group) }),
  }),
  iam("GET /group/{groupName}", "describeGroup", {
    native: "iam.getGroup",
    input: async ({ path }, names) => ({ groupId: await names.group(path.groupName ?? "") }),
    answer: (group: Group) => ({ group: groupView(group) }),
  }),
  iam("PUT /group/{groupName}", "updateGroup", {
    native: "iam.updateGroup",
    input: async ({ path, body }, names) => {
      const { description } = info(body, "updateGroupInfo");
      return given({ groupId: await names.group(path.groupName ?? ""), description });
    },
    answer: (group: Group) => ({ group: groupView(group) }),
  }),
  iam("DELETE /group/{groupName}", "deleteGroup", {
    native: "iam.deleteGroup",
    input: async ({ path }, names) => ({ groupId: await names.group(path.groupName ?? "") }),
    answer: nothing,
  }),
  iam("GET /groups", "describeGroups", {
    native: "iam.listGroups",
    input: (request) => listInput(request),
    answer: ({ groups: all, totalCount }: { groups: Group[]; totalCount: number }) =>
      page("groups", totalCount, all.map(groupView)),
  }),
  iam("GET /group/{groupName}/subUsers", "describeGroupSubUsers", {
    native: "iam.listUsers",
    input: async (request, names) => {
      const groupId = await names.group(request.path.groupName ?? "");
      return listInput(request, [{ name: "groupIds", values: [groupId] }]);
    },
    answer: ({ users: all, totalCount }: { users: User[]; totalCount: number }) =>
      page("subUsers", totalCount, all.map(userView)),
  }),
  iam(
    "GET /group/{groupName}/policies",
    "describeAttachedGroupPolicies",
    attached("group", "groupName"),
  ),
  iam(
    "POST /group/{groupName}:attachGroupPolicy",
    "attachGroupPolicy",
    attachment("group", "attachPolicy", "groupName"),
  ),
  iam(
    "DELETE /group/{groupName}:detachGroupPolicy",
    "detachGroupPolicy",
    attachment("group", "detachPolicy", "groupName"),
  ),
  iam(
    "POST /group/{groupName}:addSubUserToGroup",
    "addSubUserToGroup",
    member("iam.addGroupMember"),
  ),
  iam(
    "DELETE /group/{groupName}:removeSubUserFromGroup",
    "removeSubUserFromGroup",
    member("iam.removeGroupMember"),
  ),
];

type Assumed = {
  roleSession: { accessKeyId: string; expireTime: string };
  secret: string;
  sessionToken: string;
};

const assumeRole: JdOperation = {
  service: "sts",
  name: "assumeRole",
  method: "POST",
  path: "/v1/sessionToken:assumeRole",
  native: "sts.assumeRole",
  input: async ({ body }: JdRequest, names: Names) => {
    const fields = info(body, "assumeRoleInfo");
    const { roleJrn, roleSessionName, durationSeconds, externalId, policy } = fields;
    return given({
      roleId: await roleOf(roleJrn, names),
      sessionName: roleSessionName,
      durationSeconds,
      externalId,
      sessionPolicy: parsed(policy, "/assumeRoleInfo/policy"),
    });
  },
  answer: ({ roleSession, secret, sessionToken }: Assumed) => ({
    credentials: {
      accessKey: roleSession.accessKeyId,
      secretAccessKey: secret,
      sessionToken,
      expiration: roleSession.expireTime,
    },
  }),
};

/** Every operation of the two services. */
export const jdOperations: readonly JdOperation[] = [
  ...users,
  ...ownKeys,
  ...groups,
  ...policies,
  ...roles,
  permission("POST /permission", "createPermission", "createPolicy"),
  permission("GET /permission/{permissionId}", "describePermissionDetail", "describePolicy"),
  permission("PUT /permission/{permissionId}", "updatePermission", "updatePolicy"),
  permission("GET /permissions", "describePermissions", "describePolicies"),
  permission(
    "GET /subUser/{subUser}/permisssions",
    "describeSubUserPermissions",
    "describeAttachedSubUserPolicies",
  ),
  permission(
    "POST /subUser/{subUser}/permisssions",
    "addPermissionsToSubUser",
    "attachSubUserPolicy",
  ),
  permission(
    "DELETE /subUser/{subUser}/permissions/{permissionId}",
    "removePermissionOfSubUser",
    "detachSubUserPolicy",
  ),
  assumeRole,
];
