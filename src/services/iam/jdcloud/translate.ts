/** Bodies and documents of the vendor's API in our words, and our results in its words. */
import { randomBytes } from "node:crypto";
import { Problem } from "../../../kernel/problem.ts";
import type { AccessKey, Group, Policy, Role, User } from "../contract.ts";
import type { Names } from "./names.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A request of the vendor's API. */
export type JdRequest = {
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Fields;
};

export function fault(path: string, message: string): Problem {
  return new Problem("kernel.inputInvalid", { details: [{ path, message }] });
}

/** The object under a name of the body, such as `createGroupInfo`. */
export function info(body: Fields, name: string): Fields {
  const value = body[name];
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fault(`/${name}`, "must be an object");
  }
  return { ...value };
}

/** Keeps only the fields that are given. */
export function given(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Pages, and a keyword that is looked for in names. */
export function listInput(
  { query }: JdRequest,
  filters: readonly { name: string; values: string[]; operator?: string }[] = [],
): Record<string, unknown> {
  const word = query.keyword ?? query.roleName;
  const all = [
    ...filters,
    ...(word === undefined || word === ""
      ? []
      : [{ name: "name", values: [word], operator: "contains" }]),
  ];
  return given({
    pageNumber: number(query.pageNumber),
    pageSize: number(query.pageSize),
    filters: all.length === 0 ? undefined : all,
  });
}

function number(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** A document that comes as JSON text. */
export function parsed(value: unknown, path: string): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    throw fault(path, "is no JSON");
  }
}

/** What a new sub-user is for us; who has no password gets one that nobody knows. */
export function newUser(fields: Fields): Record<string, unknown> {
  const { name, password, description, phone, email, createAk, needResetPassword } = fields;
  if (createAk === true) {
    throw fault("/createSubUserInfo/createAk", "is not done here: create the key afterwards");
  }
  if (needResetPassword === true) {
    throw fault("/createSubUserInfo/needResetPassword", "is not done here");
  }
  const tags = given({ phone: phone || undefined, email: email || undefined });
  return given({
    name,
    description,
    tags,
    password: password ?? `Aa1-${randomBytes(32).toString("base64url")}`,
  });
}

/** A trust document with the vendor's principals, `{"jdc": "jrn:iam::<account>:root"}`. */
export async function trustOf(value: unknown, path: string, names: Names): Promise<unknown> {
  const document = parsed(value, path);
  if (typeof document !== "object" || document === null || !("statement" in document)) {
    return document;
  }
  const { statement } = document;
  if (!Array.isArray(statement)) return document;
  const statements: unknown[] = [];
  for (const one of statement) {
    const principal = one?.principal?.jdc;
    if (principal === undefined) {
      statements.push(one);
      continue;
    }
    const texts: unknown[] = Array.isArray(principal) ? principal : [principal];
    const named = { user: [] as string[], account: [] as string[] };
    for (const text of texts) await addPrincipal(String(text), { named, names, path });
    const kinds = Object.entries(named).filter(([, ids]) => ids.length > 0);
    statements.push({ ...one, principal: Object.fromEntries(kinds) });
  }
  return { ...document, statement: statements };
}

async function addPrincipal(
  text: string,
  {
    named,
    names,
    path,
  }: { named: { user: string[]; account: string[] }; names: Names; path: string },
): Promise<void> {
  const root = /^jrn:iam::(acc-[0-9a-z]{10}):(?:root|\*)$/.exec(text)?.[1];
  const user = /^jrn:iam::(acc-[0-9a-z]{10}):subUser\/(.+)$/.exec(text);
  if (root !== undefined) named.account.push(root);
  else if (user !== null && user[1] === names.accountId) {
    named.user.push(await names.user(user[2] ?? ""));
  } else throw fault(path, `"${text}" is no principal of this Cordon`);
}

/** The role that a `roleJrn` names: by id, or by name in the caller's own account. */
export async function roleOf(jrn: unknown, names: Names): Promise<string> {
  const match = /^jrn:iam::(acc-[0-9a-z]{10}):role\/(.+)$/.exec(String(jrn));
  const [, accountId, name = ""] = match ?? [];
  if (match === null)
    throw fault("/assumeRoleInfo/roleJrn", "must be jrn:iam::<account>:role/<name>");
  if (/^role-[0-9a-z]{10}$/.test(name)) return name;
  return accountId === names.accountId ? names.role(name) : "role-0000000000";
}

export function userView({ name, description, tags, enabled, createTime }: User) {
  const { phone = "", email = "" } = tags;
  return { name, description, phone, email, status: enabled ? 1 : 0, createTime };
}

export function groupView({ name, description, userIds, createTime }: Group) {
  return { name, description, subUserCount: userIds.length, createTime };
}

export function policyView(policy: Policy) {
  const { name, description, managed, version, document, createTime, updateTime } = policy;
  return {
    name,
    description,
    policyType: managed ? 1 : 2,
    version: String(version),
    document: document.version === "cedar" ? document.text : JSON.stringify(document),
    createTime,
    updateTime,
  };
}

export function roleView(role: Role) {
  const { roleId, name, description, trust, sessionSecondsMax, createTime } = role;
  return {
    roleId,
    roleName: name,
    description,
    assumeRolePolicyDocument: JSON.stringify(trust),
    maxSessionDuration: sessionSecondsMax,
    createTime,
  };
}

export function keyView({ accessKeyId, enabled, createTime }: AccessKey) {
  return { accessKey: accessKeyId, state: enabled ? 1 : 0, createTime };
}
