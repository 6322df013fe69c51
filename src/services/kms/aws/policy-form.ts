/**
 * Key policies of the protocol (`Version 2012-10-17`) as documents of ours, and back. What ours
 * cannot say is refused: a policy never means less than it says.
 */
import { Problem } from "../../../kernel/problem.ts";
import { type AwsCall, accountNumber, type Fields } from "./call.ts";

const STATEMENT_FIELDS = new Set(["Sid", "Effect", "Principal", "Action", "Resource", "Condition"]);
const PRINCIPAL_ARN =
  /^arn:aws:iam::(\d{12}):(root|user\/(user-[0-9a-z]{10})|role\/(role-[0-9a-z]{10}))$/;
/** Condition keys that mean the same here. */
const CONDITION_KEYS: Readonly<Record<string, string>> = {
  "aws:SourceIp": "cordon:SourceIp",
  "aws:CurrentTime": "cordon:CurrentTime",
  "aws:SecureTransport": "cordon:SecureTransport",
  "aws:MultiFactorAuthAge": "cordon:MfaAgeSeconds",
};
const CONDITION_PREFIXES: readonly (readonly [string, string])[] = [
  ["kms:EncryptionContext:", "kms:EncryptionContext/"],
  ["aws:PrincipalTag/", "cordon:PrincipalTag/"],
  ["aws:ResourceTag/", "cordon:ResourceTag/"],
];

/** Our document. @throws Problem kms.policyInvalid. */
export function documentOf(text: unknown, call: Pick<AwsCall, "accountId">): Fields {
  const policy = parsed(text);
  const { Version: version, Id: _, Statement: statements, ...rest } = policy;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(unknown, "is an unknown field");
  if (version !== "2012-10-17" && version !== "2008-10-17") {
    throw invalid("Version", 'must be "2012-10-17"');
  }
  const list: unknown[] = Array.isArray(statements) ? statements : [statements];
  const statement = list.map((one, at) => statementOf(one, { path: `Statement[${at}]`, call }));
  return { version: "1", statement };
}

function parsed(text: unknown): Fields {
  try {
    const value: unknown = JSON.parse(typeof text === "string" ? text : "");
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Said below.
  }
  throw invalid("Policy", "must be a JSON object");
}

type Spot = { readonly path: string; readonly call: Pick<AwsCall, "accountId"> };

function statementOf(json: unknown, { path, call }: Spot): Fields {
  if (typeof json !== "object" || json === null) throw invalid(path, "must be an object");
  const given: Fields = { ...json };
  const unknown = Object.keys(given).find((name) => !STATEMENT_FIELDS.has(name));
  if (unknown !== undefined) throw invalid(`${path}.${unknown}`, "is not understood here");
  const { Effect: effect, Principal: principal, Action: action, Condition: condition } = given;
  if (effect !== "Allow" && effect !== "Deny") throw invalid(`${path}.Effect`, "is no effect");
  return {
    effect: effect === "Allow" ? "allow" : "deny",
    principal: principalOf(principal, { path: `${path}.Principal`, call }),
    action: textsOf(action, `${path}.Action`).map((one) => (one === "*" ? "kms:*" : one)),
    resource: resourceOf(given.Resource, { path: `${path}.Resource`, call }),
    ...(condition === undefined ? {} : { condition: conditionOf(condition, path) }),
  };
}

function principalOf(json: unknown, { path, call }: Spot): unknown {
  if (json === "*") return "*";
  const { AWS: names, ...rest } = { ...(json as object) } as Fields;
  if (Object.keys(rest).length > 0 || names === undefined) {
    throw invalid(path, 'must be "*" or {"AWS": …}');
  }
  if (names === "*") return "*";
  const found = { user: [] as string[], role: [] as string[], account: [] as string[] };
  const number = accountNumber(call.accountId);
  for (const name of textsOf(names, path)) {
    const match = PRINCIPAL_ARN.exec(name);
    const [, account = name, , user, role] = match ?? [];
    if (account !== number) throw invalid(path, `"${name}" is nobody of this account`);
    if (user !== undefined) found.user.push(user);
    else if (role !== undefined) found.role.push(role);
    else found.account.push(call.accountId);
  }
  return Object.fromEntries(Object.entries(found).filter(([, ids]) => ids.length > 0));
}

/** A key policy is about its own key, however it is written. */
function resourceOf(json: unknown, { path, call }: Spot): string[] {
  const own = new RegExp(`^arn:aws:kms:[a-z0-9-]+:${accountNumber(call.accountId)}:key/`);
  const wrong = textsOf(json, path).find((one) => one !== "*" && !own.test(one));
  if (wrong !== undefined) throw invalid(path, `"${wrong}" is not this key`);
  return ["*"];
}

function conditionOf(json: unknown, path: string): Fields {
  const operators = Object.entries({ ...(json as object) } as Fields);
  return Object.fromEntries(
    operators.map(([operator, keys]) => {
      const named = Object.entries({ ...(keys as object) } as Fields);
      return [operator, Object.fromEntries(named.map(([key, value]) => [keyName(key), value]))];
    }),
  );
  function keyName(key: string): string {
    const known = CONDITION_KEYS[key];
    if (known !== undefined) return known;
    for (const [theirs, ours] of CONDITION_PREFIXES) {
      if (key.startsWith(theirs)) return `${ours}${key.slice(theirs.length)}`;
    }
    throw invalid(`${path}.Condition`, `"${key}" is no condition here`);
  }
}

function textsOf(value: unknown, path: string): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.map((one) => {
    if (typeof one !== "string") throw invalid(path, "must be a text or a list of texts");
    return one;
  });
}

function invalid(path: string, message: string): Problem {
  return new Problem("kms.policyInvalid", { details: [{ path, message }] });
}

/** A document of ours in the protocol's form; Cedar text stays a text. */
export function policyText(document: Fields, call: Pick<AwsCall, "accountId">): string {
  const { statement } = document;
  if (!Array.isArray(statement)) return JSON.stringify(document);
  const arn = (kind: string) => (id: string) =>
    `arn:aws:iam::${accountNumber(call.accountId)}:${kind === "account" ? "root" : `${kind}/${id}`}`;
  const principal = (json: unknown): unknown => {
    if (typeof json !== "object" || json === null) return { AWS: "*" };
    const names = Object.entries(json).flatMap(([kind, ids]: [string, unknown]) =>
      textsOf(ids, kind).map(arn(kind)),
    );
    return { AWS: names.length === 1 ? names[0] : names };
  };
  const statements = statement.map((one: Fields, at) => ({
    Sid: typeof one.sid === "string" ? one.sid : `Statement${at + 1}`,
    Effect: one.effect === "deny" ? "Deny" : "Allow",
    Principal: principal(one.principal),
    Action: one.action,
    Resource: "*",
    ...(one.condition === undefined ? {} : { Condition: one.condition }),
  }));
  return JSON.stringify({ Version: "2012-10-17", Id: "key-policy", Statement: statements });
}
