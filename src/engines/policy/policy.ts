/** Policies in Cedar's JSON form, and decisions over sets of them: default deny, forbid wins. */
import {
  asBoolean,
  compileExpression,
  type EntityData,
  type Environment,
  type Evaluate,
  entityKey,
  PolicyFormError,
} from "./expression.ts";
import { type EntityUid, EvaluationError, fromJson, type Value } from "./values.ts";

export type PolicyJson = {
  readonly effect: "permit" | "forbid";
  readonly principal: ScopeJson;
  readonly action: ScopeJson;
  readonly resource: ScopeJson;
  readonly conditions: readonly { readonly kind: "when" | "unless"; readonly body: unknown }[];
  readonly annotations?: Readonly<Record<string, string>>;
};

export type ScopeJson =
  | { readonly op: "All" }
  | { readonly op: "=="; readonly entity: EntityUid }
  | { readonly op: "in"; readonly entity: EntityUid }
  | { readonly op: "in"; readonly entities: readonly EntityUid[] }
  | {
      readonly op: "is";
      readonly entity_type: string;
      readonly in?: { readonly entity: EntityUid };
    };

export type Policy = {
  readonly policyId: string;
  readonly forbid: boolean;
  /** Exact action key when the scope is `==` or a list; undefined = any action. */
  readonly actionKeys: readonly string[] | undefined;
  readonly applies: (environment: Environment) => boolean;
};

export type Request = {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: Value;
  readonly entities: ReadonlyMap<string, EntityData>;
};

export type Decision = {
  readonly decision: "allow" | "deny";
  /** Policies that decided: the forbids, or else the permits. */
  readonly determining: readonly string[];
  /** Policies that could not be evaluated; they count for nothing. */
  readonly errors: readonly { readonly policyId: string; readonly message: string }[];
};

/** A set, indexed by action. */
export type PolicySet = {
  readonly byAction: ReadonlyMap<string, readonly Policy[]>;
  readonly anyAction: readonly Policy[];
};

/** Compiles one policy. @throws PolicyFormError. */
export function compilePolicy(policyId: string, json: PolicyJson): Policy {
  const scopes = [
    compileScope(json.principal, (environment) => environment.principal),
    compileScope(json.action, (environment) => environment.action),
    compileScope(json.resource, (environment) => environment.resource),
  ].filter((scope) => scope !== undefined);
  const conditions = json.conditions.map(({ kind, body }) => ({
    wanted: kind === "when",
    evaluate: compileExpression(body),
  }));
  return {
    policyId,
    forbid: json.effect === "forbid",
    actionKeys: actionKeysOf(json.action),
    applies: (environment) =>
      scopes.every((scope) => scope(environment)) && holds(conditions, environment),
  };
}

function holds(
  conditions: readonly { wanted: boolean; evaluate: Evaluate }[],
  environment: Environment,
): boolean {
  for (const { wanted, evaluate } of conditions) {
    if (asBoolean(evaluate(environment)) !== wanted) return false;
  }
  return true;
}

function actionKeysOf(scope: ScopeJson): readonly string[] | undefined {
  return scope.op === "==" ? [entityKey(scope.entity)] : undefined;
}

type ScopeTest = (environment: Environment) => boolean;

function compileScope(
  scope: ScopeJson,
  of: (environment: Environment) => EntityUid,
): ScopeTest | undefined {
  const same = (left: EntityUid, right: EntityUid) =>
    left.type === right.type && left.id === right.id;
  const within = (parent: EntityUid): ScopeTest => {
    const key = entityKey(parent);
    return (environment) => {
      const uid = of(environment);
      return (
        same(uid, parent) || (environment.entities.get(entityKey(uid))?.ancestors.has(key) ?? false)
      );
    };
  };
  switch (scope.op) {
    case "All":
      return undefined;
    case "==":
      return (environment) => same(of(environment), scope.entity);
    case "in": {
      if (!("entities" in scope)) return within(scope.entity);
      const tests = scope.entities.map(within);
      return (environment) => tests.some((test) => test(environment));
    }
    case "is": {
      const parent = scope.in === undefined ? undefined : within(scope.in.entity);
      return (environment) =>
        of(environment).type === scope.entity_type && (parent?.(environment) ?? true);
    }
    default:
      throw new PolicyFormError("unknown scope");
  }
}

/** Indexes policies. */
export function policySetOf(policies: readonly Policy[]): PolicySet {
  const byAction = new Map<string, Policy[]>();
  const anyAction: Policy[] = [];
  for (const policy of policies) {
    if (policy.actionKeys === undefined) anyAction.push(policy);
    for (const key of policy.actionKeys ?? [])
      byAction.set(key, [...(byAction.get(key) ?? []), policy]);
  }
  return { byAction, anyAction };
}

/** Decides one request. */
export function decide(set: PolicySet, request: Request): Decision {
  const permits: string[] = [];
  const forbids: string[] = [];
  const errors: { policyId: string; message: string }[] = [];
  const run = (policy: Policy): void => {
    try {
      if (policy.applies(request)) (policy.forbid ? forbids : permits).push(policy.policyId);
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      errors.push({ policyId: policy.policyId, message: error.message });
    }
  };
  for (const policy of set.byAction.get(entityKey(request.action)) ?? []) run(policy);
  for (const policy of set.anyAction) run(policy);
  const denied = forbids.length > 0;
  return {
    decision: !denied && permits.length > 0 ? "allow" : "deny",
    determining: denied ? forbids : permits,
    errors,
  };
}

/** Entity data from Cedar's entities JSON; ancestors are closed transitively. */
export function entitiesFromJson(
  list: readonly {
    uid: EntityUid;
    attrs: Readonly<Record<string, unknown>>;
    parents: readonly EntityUid[];
  }[],
): Map<string, EntityData> {
  const parents = new Map(list.map((one) => [entityKey(one.uid), one.parents.map(entityKey)]));
  const closure = (key: string, seen: Set<string>): Set<string> => {
    for (const parent of parents.get(key) ?? []) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      closure(parent, seen);
    }
    return seen;
  };
  return new Map(
    list.map((one) => {
      const key = entityKey(one.uid);
      const attributes = new Map(
        Object.entries(one.attrs).map(([name, value]) => [name, fromJson(value)] as const),
      );
      return [key, { attributes, ancestors: closure(key, new Set()) }] as const;
    }),
  );
}
