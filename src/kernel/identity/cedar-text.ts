/**
 * Policies in Cedar's own text: parsed and checked against a schema of our actions and context by
 * Cedar itself when they are written. Decisions never come here; the engine takes the JSON form.
 */
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { cedarFormFault } from "../../engines/policy/document.ts";
import type { PolicyFault } from "../../engines/policy/index.ts";
import type { PolicyJson } from "../../engines/policy/policy.ts";
import type { Contract } from "../operation.ts";

const POLICIES_MAX = 50;

export type ParsedCedar =
  | { readonly policies: readonly PolicyJson[] }
  | { readonly faults: readonly PolicyFault[] };

/**
 * The schema of what a decision may ask. Cedar has no open records, so tags are those of entities:
 * `resource.getTag("team")`, `principal.getTag(…)`, and `context.request.getTag(…)` for those that
 * the call itself brings.
 */
export function cedarSchema(contracts: readonly Contract[]): string {
  const actions = new Set(
    contracts.flatMap((one) => Object.values(one.operations).map(({ action }) => action)),
  );
  const names = [...actions].map((name) => JSON.stringify(name)).join(", ");
  return `
    entity Account; entity Group;
    entity User in [Account, Group] tags String; entity Role in [Account] tags String;
    entity Service in [Account, Group] tags String;
    entity Resource tags String; entity Request tags String;
    action ${names} appliesTo {
      principal: [User, Role, Service], resource: [Resource],
      context: {
        action: String, resource: String, sourceIp: ipaddr, currentTime: datetime,
        secureTransport: Bool, userName: String, principalType: String,
        mfaAgeSeconds?: Long, externalId?: String, request: Request
      }
    };`;
}

/** Parses and checks; a fault's path is `text:<line>:<column>`. */
export function parseCedarText(text: string, schema: string): ParsedCedar {
  const parts = cedar.policySetTextToParts(text);
  if (parts.type === "failure") return { faults: faultsOf(text, parts.errors) };
  if (parts.policy_templates.length > 0) {
    return { faults: [{ path: "text", message: "must not hold templates" }] };
  }
  if (parts.policies.length === 0 || parts.policies.length > POLICIES_MAX) {
    return { faults: [{ path: "text", message: `must be 1 to ${POLICIES_MAX} policies` }] };
  }
  const checked = cedar.validate({ schema, policies: { staticPolicies: text } });
  if (checked.type === "failure") return { faults: faultsOf(text, checked.errors) };
  const errors = checked.validationErrors.map(({ error }) => error);
  if (errors.length > 0) return { faults: faultsOf(text, errors) };
  const policies: PolicyJson[] = [];
  for (const [at, one] of parts.policies.entries()) {
    const json = cedar.policyToJson(one);
    if (json.type === "failure") return { faults: faultsOf(one, json.errors) };
    // Annotations mean nothing to a decision, and one of them is the index's own.
    const { annotations: _, ...form } = json.json;
    const policy = withTags(form) as PolicyJson;
    const fault = cedarFormFault(policy) ?? requestFault(policy);
    if (fault !== undefined)
      return { faults: [{ path: `text, policy ${at + 1}`, message: fault }] };
    policies.push(policy);
  }
  return { policies };
}

/** Whose tags an expression of Cedar's JSON form asks for, and where the engine has them. */
const TAG_HOLDERS: Readonly<Record<string, string>> = {
  '{"Var":"principal"}': "principalTags",
  '{"Var":"resource"}': "resourceTags",
  '{".":{"left":{"Var":"context"},"attr":"request"}}': "requestTags",
};

type TagCall = { readonly left: unknown; readonly right: { readonly Value?: unknown } };

/**
 * The form with tags of entities read from the context, where the engine has them all. One that
 * cannot be read so (a name that is computed) stays, and the engine refuses it.
 */
function withTags(form: unknown): unknown {
  if (Array.isArray(form)) return form.map(withTags);
  if (typeof form !== "object" || form === null) return form;
  const { hasTag, getTag } = form as { hasTag?: TagCall; getTag?: TagCall };
  const asked = hasTag ?? getTag;
  const holder = asked && TAG_HOLDERS[JSON.stringify(asked.left)];
  if (holder !== undefined && typeof asked?.right.Value === "string") {
    const left = { ".": { left: { Var: "context" }, attr: holder } };
    return { [hasTag === undefined ? "." : "has"]: { left, attr: asked.right.Value } };
  }
  return Object.fromEntries(Object.entries(form).map(([name, one]) => [name, withTags(one)]));
}

/** INVARIANT: `context.request` is only a holder of tags, and no decision knows it as a value. */
function requestFault(policy: PolicyJson): string | undefined {
  const isLeft = JSON.stringify(policy).includes('{"left":{"Var":"context"},"attr":"request"}');
  return isLeft ? "may ask context.request for tags by hasTag and getTag alone" : undefined;
}

function faultsOf(text: string, errors: readonly cedar.DetailedError[]): PolicyFault[] {
  return errors.slice(0, 20).map(({ message, help, sourceLocations }) => {
    const start = sourceLocations?.[0]?.start;
    const before = start === undefined ? undefined : text.slice(0, start).split("\n");
    const path =
      before === undefined ? "text" : `text:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
    return { path, message: help === null ? message : `${message}; ${help}` };
  });
}
