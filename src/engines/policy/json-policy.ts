/**
 * JSON policy documents as cloud users know them, compiled to Cedar's JSON form. What cannot be
 * understood is refused with the path of the fault: a policy never means less than it says.
 */
import { ACTION_SERVICE, type PolicyJson, type ScopeJson } from "./policy.ts";
import { compilePrincipal } from "./principal.ts";
import { ip } from "./values.ts";

export type PolicyFault = { readonly path: string; readonly message: string };

export type CompiledDocument =
  | { readonly policies: readonly PolicyJson[] }
  | { readonly faults: readonly PolicyFault[] };

const limits = { statementsMax: 50, valuesMax: 100, textLengthMax: 512 } as const;

type Expr = Readonly<Record<string, unknown>>;
type Kind = "string" | "ip" | "datetime" | "bool" | "long";

/** Condition keys: where each is found in the context, and of which type it is. */
const KEYS: Readonly<Record<string, { readonly attribute: string; readonly kind: Kind }>> = {
  "cordon:SourceIp": { attribute: "sourceIp", kind: "ip" },
  "cordon:CurrentTime": { attribute: "currentTime", kind: "datetime" },
  "cordon:SecureTransport": { attribute: "secureTransport", kind: "bool" },
  "cordon:MfaAgeSeconds": { attribute: "mfaAgeSeconds", kind: "long" },
  "cordon:UserName": { attribute: "userName", kind: "string" },
  "cordon:PrincipalType": { attribute: "principalType", kind: "string" },
  "cordon:ExternalId": { attribute: "externalId", kind: "string" },
};

/** Keys with a name behind the slash, such as `cordon:PrincipalTag/team`. */
const TAG_KEYS: Readonly<Record<string, string>> = {
  "cordon:PrincipalTag": "principalTags",
  "cordon:ResourceTag": "resourceTags",
  "cordon:RequestTag": "requestTags",
  "kms:EncryptionContext": "encryptionContext",
};
const TAG_NAME = /^[A-Za-z0-9._:@-]{1,64}$/;

type Place = { readonly holder: Expr; readonly attribute: string; readonly kind: Kind };

function placeOf(key: string): Place | undefined {
  const plain = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (plain !== undefined) return { holder: context, ...plain };
  const slash = key.indexOf("/");
  const prefix = key.slice(0, Math.max(slash, 0));
  const name = key.slice(slash + 1);
  const tags = Object.hasOwn(TAG_KEYS, prefix) ? TAG_KEYS[prefix] : undefined;
  if (tags === undefined || !TAG_NAME.test(name)) return undefined;
  return { holder: attr(tags), attribute: name, kind: "string" };
}

const UNKNOWN_KEY = `is an unknown key; known are ${[
  ...Object.keys(KEYS),
  ...Object.keys(TAG_KEYS).map((prefix) => `${prefix}/<name>`),
].join(", ")}`;

/**
 * Where a document lies: attached to an identity (names no principal), on a resource (names one),
 * as a role's trust (names one, and only who may assume it), or as the store holds it.
 */
export type DocumentKind = "identity" | "resource" | "trust" | "stored";

type Operator = {
  readonly kind: Kind;
  readonly negated: boolean;
  readonly compare: (value: Expr, wanted: string) => Expr;
};

const context: Expr = { Var: "context" };
const attr = (attribute: string): Expr => ({ ".": { left: context, attr: attribute } });
const literal = (value: string | number | boolean): Expr => ({ Value: value });
const binary = (operator: string, left: Expr, right: Expr): Expr => ({
  [operator]: { left, right },
});
const not = (arg: Expr): Expr => ({ "!": { arg } });
const any = (list: readonly Expr[]): Expr =>
  list.reduceRight((right, left) => binary("||", left, right));
const call = (name: string, ...args: Expr[]): Expr => ({ [name]: args });

function likePattern(glob: string): unknown[] {
  const parts: unknown[] = [];
  for (const [at, piece] of glob.split("*").entries()) {
    if (at > 0) parts.push("Wildcard");
    if (piece !== "") parts.push({ Literal: piece });
  }
  return parts;
}

function matchGlob(value: Expr, glob: string): Expr {
  if (!glob.includes("*")) return binary("==", value, literal(glob));
  return { like: { left: value, pattern: likePattern(glob) } };
}

const isEqual = (value: Expr, wanted: string) => binary("==", value, literal(wanted));
const number = (operator: string) => (value: Expr, wanted: string) =>
  binary(operator, value, literal(Number(wanted)));
const date = (operator: string) => (value: Expr, wanted: string) =>
  binary(operator, value, call("datetime", literal(cedarTime(wanted))));
const inRange = (value: Expr, wanted: string) =>
  call("isInRange", value, call("ip", literal(wanted)));

const OPERATORS: Readonly<Record<string, Operator>> = {
  StringEquals: { kind: "string", negated: false, compare: isEqual },
  StringNotEquals: { kind: "string", negated: true, compare: isEqual },
  StringLike: { kind: "string", negated: false, compare: matchGlob },
  StringNotLike: { kind: "string", negated: true, compare: matchGlob },
  NumericEquals: { kind: "long", negated: false, compare: number("==") },
  NumericNotEquals: { kind: "long", negated: true, compare: number("==") },
  NumericLessThan: { kind: "long", negated: false, compare: number("<") },
  NumericLessThanEquals: { kind: "long", negated: false, compare: number("<=") },
  NumericGreaterThan: { kind: "long", negated: false, compare: number(">") },
  NumericGreaterThanEquals: { kind: "long", negated: false, compare: number(">=") },
  DateEquals: { kind: "datetime", negated: false, compare: date("==") },
  DateNotEquals: { kind: "datetime", negated: true, compare: date("==") },
  DateLessThan: { kind: "datetime", negated: false, compare: date("<") },
  DateLessThanEquals: { kind: "datetime", negated: false, compare: date("<=") },
  DateGreaterThan: { kind: "datetime", negated: false, compare: date(">") },
  DateGreaterThanEquals: { kind: "datetime", negated: false, compare: date(">=") },
  Bool: {
    kind: "bool",
    negated: false,
    compare: (value, wanted) => binary("==", value, literal(wanted === "true")),
  },
  IpAddress: { kind: "ip", negated: false, compare: inRange },
  NotIpAddress: { kind: "ip", negated: true, compare: inRange },
};

/** Cedar takes milliseconds or none, and no fraction of another length. */
function cedarTime(text: string): string {
  return new Date(text).toISOString();
}

/** Compiles a document; every statement becomes one policy. */
export function compileJsonPolicy(
  document: unknown,
  kind: DocumentKind = "identity",
): CompiledDocument {
  const faults: PolicyFault[] = [];
  if (typeof document !== "object" || document === null) {
    return { faults: [{ path: "", message: "must be an object" }] };
  }
  const { version, statement, ...rest } = document as Record<string, unknown>;
  for (const name of Object.keys(rest)) faults.push({ path: name, message: "is an unknown field" });
  if (version !== "1" && version !== "3") {
    faults.push({ path: "version", message: 'must be "1" or "3"' });
  }
  if (
    !Array.isArray(statement) ||
    statement.length === 0 ||
    statement.length > limits.statementsMax
  ) {
    faults.push({ path: "statement", message: `must be 1 to ${limits.statementsMax} statements` });
    return { faults };
  }
  const policies = statement.map((one, at) =>
    compileStatement(one, { path: `statement[${at}]`, faults, kind }),
  );
  return faults.length > 0 ? { faults } : { policies };
}

type Spot = { path: string; faults: PolicyFault[]; kind: DocumentKind };

function compileStatement(json: unknown, { path, faults, kind }: Spot): PolicyJson {
  const fault = (field: string, message: string) =>
    faults.push({ path: `${path}${field}`, message });
  const given = typeof json === "object" && json !== null ? { ...json } : {};
  const trust = kind === "trust" || (kind === "stored" && isTrust(given));
  const statement: Record<string, unknown> = trust
    ? { action: "sts:AssumeRole", resource: "*", ...given }
    : { ...given };
  const { sid, effect, action, resource, condition, principal, ...rest } = statement;
  if (typeof json !== "object" || json === null) fault("", "must be an object");
  for (const name of Object.keys(rest)) fault(`.${name}`, "is an unknown field");
  if (sid !== undefined && typeof sid !== "string") fault(".sid", "must be a text");
  if (effect !== "allow" && effect !== "deny") fault(".effect", 'must be "allow" or "deny"');
  const actions = textsOf(action) ?? [];
  if (actions.length === 0 || !actions.every((one) => ACTION.test(one))) {
    fault(".action", 'must be an action such as "waf:GetSite", "waf:*" or "*", or a list of them');
  } else if (trust && !actions.every((one) => one === "sts:AssumeRole")) {
    fault(".action", 'must be "sts:AssumeRole" or absent in a trust document');
  }
  const resources = (textsOf(resource) ?? []).map(nativeName);
  if (resources.length === 0 || !resources.every((one) => one === "*" || RESOURCE.test(one))) {
    fault(
      ".resource",
      'must be a resource name such as "crn:waf::*:site/*", "*", or a list of them',
    );
  }
  const body = [
    ...scopeOf("action", actions),
    ...scopeOf("resource", resources),
    ...compileConditions(condition, `${path}.condition`, faults),
  ];
  const who = principalOf(principal, { path: `${path}.principal`, faults, kind });
  const service = serviceOf(actions);
  return {
    effect: effect === "deny" ? "forbid" : "permit",
    principal: who.scope,
    action: actionScope(actions),
    resource: { op: "All" },
    conditions: [...who.conditions, ...body].map((expression) => ({
      kind: "when",
      body: expression,
    })),
    ...(service === undefined ? {} : { annotations: { [ACTION_SERVICE]: service } }),
  };
}

const ACTION = /^(?:\*|[a-z*]+:[A-Za-z*]+)$/;
const RESOURCE = /^crn:[^\s]+$/;

/** The vendor's resource names have the same parts; a region is refused, since none is kept. */
function nativeName(name: string): string {
  return name.replace(/^jrn:([a-z*]+):\*?:/, "crn:$1:*:");
}

function isTrust(statement: object): boolean {
  // A statement on a resource must name its resource; who may take on a role need not.
  return "principal" in statement && !("resource" in statement);
}

function principalOf(
  principal: unknown,
  { path, faults, kind }: Spot,
): { scope: ScopeJson; conditions: Expr[] } {
  if (principal === undefined) {
    if (kind === "resource" || kind === "trust") {
      faults.push({ path, message: "must say whom the statement is about" });
    }
    return { scope: { op: "All" }, conditions: [] };
  }
  if (kind === "identity") {
    faults.push({ path, message: "must be absent: the policy is about whom it is attached to" });
  }
  const compiled = compilePrincipal(principal);
  if ("fault" in compiled) {
    faults.push({ path, message: compiled.fault });
    return { scope: { op: "All" }, conditions: [] };
  }
  return compiled;
}

/** The one service that all actions are of; undefined when there are several or a wildcard. */
function serviceOf(actions: readonly string[]): string | undefined {
  const services = new Set(actions.map((action) => action.split(":", 1)[0] ?? "*"));
  const [only] = services;
  return services.size === 1 && only !== undefined && !only.includes("*") ? only : undefined;
}

/** Exact actions become the scope, so that the set can be indexed by them. */
function actionScope(actions: readonly string[]): PolicyJson["action"] {
  const [only] = actions;
  if (only === undefined || actions.some((action) => action.includes("*"))) return { op: "All" };
  if (actions.length === 1) return { op: "==", entity: { type: "Action", id: only } };
  return { op: "in", entities: actions.map((id) => ({ type: "Action", id })) };
}

function scopeOf(attribute: string, globs: readonly string[]): Expr[] {
  if (globs.length === 0 || globs.includes("*")) return [];
  return [any(globs.map((glob) => matchGlob(attr(attribute), glob)))];
}

function textsOf(value: unknown): string[] | undefined {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > limits.valuesMax) return undefined;
  const texts: string[] = [];
  for (const one of list) {
    const plain = typeof one === "boolean" || typeof one === "number" ? String(one) : one;
    if (typeof plain !== "string" || plain.length > limits.textLengthMax) return undefined;
    texts.push(plain);
  }
  return texts;
}

function compileConditions(json: unknown, path: string, faults: PolicyFault[]): Expr[] {
  if (json === undefined) return [];
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    faults.push({ path, message: "must be an object" });
    return [];
  }
  const expressions: Expr[] = [];
  for (const [name, keys] of Object.entries(json)) {
    if (typeof keys !== "object" || keys === null) {
      faults.push({ path: `${path}.${name}`, message: "must be an object of keys" });
      continue;
    }
    for (const [key, values] of Object.entries(keys)) {
      const compiled = compileCondition(name, key, textsOf(values));
      if (typeof compiled === "string") {
        const unknownOperator = compiled.startsWith("is an unknown operator");
        faults.push({
          path: unknownOperator ? `${path}.${name}` : `${path}.${name}.${key}`,
          message: compiled,
        });
      } else expressions.push(compiled);
    }
  }
  return expressions;
}

function compileCondition(name: string, key: string, values: string[] | undefined): Expr | string {
  const place = placeOf(key);
  if (name === "Null") return compileNull(place, values);
  const ifExists = name.endsWith("IfExists");
  const plainName = ifExists ? name.slice(0, -"IfExists".length) : name;
  const operator = Object.hasOwn(OPERATORS, plainName) ? OPERATORS[plainName] : undefined;
  if (operator === undefined)
    return `is an unknown operator; known are ${Object.keys(OPERATORS).join(", ")}`;
  if (place === undefined) return UNKNOWN_KEY;
  if (values === undefined) return "must be a text or a list of texts";
  if (operator.kind !== place.kind)
    return `cannot be compared by ${name}: it is of type ${place.kind}`;
  const wrong = values.find((value) => !fits(operator.kind, value));
  if (wrong !== undefined) return `"${wrong}" is no ${operator.kind}`;
  const present: Expr = { has: { left: place.holder, attr: place.attribute } };
  const found: Expr = { ".": { left: place.holder, attr: place.attribute } };
  const matches = any(values.map((value) => operator.compare(found, value)));
  if (operator.negated) return binary("||", not(present), not(matches));
  return ifExists ? binary("||", not(present), matches) : binary("&&", present, matches);
}

function compileNull(place: Place | undefined, values: string[] | undefined): Expr | string {
  if (place === undefined) return UNKNOWN_KEY;
  const [value] = values ?? [];
  if (value !== "true" && value !== "false") return 'must be "true" or "false"';
  const present: Expr = { has: { left: place.holder, attr: place.attribute } };
  return value === "true" ? not(present) : present;
}

function fits(kind: Kind, value: string): boolean {
  switch (kind) {
    case "string":
      return true;
    case "bool":
      return value === "true" || value === "false";
    case "long":
      return /^-?\d{1,15}$/.test(value);
    case "datetime":
      return (
        /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2}))?$/.test(value) &&
        !Number.isNaN(Date.parse(value))
      );
    case "ip":
      return /^[0-9A-Fa-f:.]+(\/\d{1,3})?$/.test(value) && ipReads(value);
  }
}

function ipReads(text: string): boolean {
  try {
    ip(text);
    return true;
  } catch {
    return false;
  }
}
