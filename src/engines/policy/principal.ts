/** The `principal` of a statement that lies on a resource or a role: whom it is about. */
import type { ScopeJson } from "./policy.ts";

type Expr = Readonly<Record<string, unknown>>;

const VALUES_MAX = 100;

/** Kinds that can be named, and what each is in Cedar. */
const KINDS: Readonly<Record<string, { readonly type: string; readonly id: RegExp }>> = {
  user: { type: "User", id: /^user-[0-9a-z]{10}$/ },
  role: { type: "Role", id: /^role-[0-9a-z]{10}$/ },
  group: { type: "Group", id: /^grp-[0-9a-z]{10}$/ },
  account: { type: "Account", id: /^acc-[0-9a-z]{10}$/ },
  service: { type: "Service", id: /^[a-z][a-z0-9-]{0,62}$/ },
};

/** Compiles `"*"` or `{"user": ["user-…"], "account": "acc-…"}`. */
export function compilePrincipal(
  json: unknown,
): { scope: ScopeJson; conditions: Expr[] } | { fault: string } {
  if (json === "*") return { scope: { op: "All" }, conditions: [] };
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    return { fault: 'must be "*" or an object such as {"user": "user-…"}' };
  }
  const tests: Expr[] = [];
  for (const [kind, values] of Object.entries(json)) {
    const known = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
    if (known === undefined) {
      return { fault: `"${kind}" is unknown; known are ${Object.keys(KINDS).join(", ")}` };
    }
    const ids: unknown[] = Array.isArray(values) ? values : [values];
    for (const id of ids) {
      if (typeof id !== "string" || !known.id.test(id)) {
        return { fault: `"${String(id)}" is no id of a ${kind}` };
      }
      const entity: Expr = { Value: { __entity: { type: known.type, id } } };
      tests.push({ in: { left: { Var: "principal" }, right: entity } });
    }
  }
  if (tests.length === 0 || tests.length > VALUES_MAX) {
    return { fault: `must name 1 to ${VALUES_MAX} principals` };
  }
  const any = tests.reduceRight((right, left) => ({ "||": { left, right } }));
  return { scope: { op: "All" }, conditions: [any] };
}
