/** Explaining a request, typed or stored, by the site's rules or by candidates for them. */
import type { Context } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import { loadSite, ofSite } from "./load.ts";
import type { ExplainInput, WafParts } from "./parts.ts";
import { policyStore } from "./policy-store.ts";
import { storedRequest } from "./replay.ts";
import type { Exclusion } from "./resources.ts";
import { compiledRuleSet } from "./rule-sets.ts";
import { wafStore } from "./store.ts";

const MISSING = "Headers and parts of the body that met no rule are not kept, nor were they run";

/** The handler of `waf.explainRequest`. */
export function explainHandler({ library, lake }: WafParts) {
  return async (context: Context, input: ExplainInput) => {
    const { siteId, event, draftExclusions = [], paranoiaLevel, inboundThreshold } = input;
    const site = await loadSite(context, siteId);
    const all = await wafStore(context.sql).listExclusions(context.accountId);
    const policy = await policyStore(context.sql).getSettings(context.accountId, siteId);
    const where = { accountId: context.accountId, siteId };
    const stored = event === undefined ? null : await storedRequest(lake, { ...where, id: event });
    if (stored === null && input.target === undefined) throw new Problem("waf.requestMissing");
    const drafts = draftExclusions.map((text) => draftOf(text, siteId));
    const result = library.explain(
      {
        ...site,
        paranoiaLevel: paranoiaLevel ?? site.paranoiaLevel,
        inboundThreshold: inboundThreshold ?? site.inboundThreshold,
        exclusions: [...ofSite(all, siteId), ...drafts],
        policy: { applications: policy?.applications ?? [] },
      },
      {
        ...(stored === null ? input : { ...stored, ...input }),
        headers: withHost(input.headers ?? stored?.headers ?? [], site.domains),
      },
      await compiledRuleSet(context, input.ruleSetId ?? site.ruleSetId),
    );
    const replayed =
      stored === null ? null : { ...stored, headers: [...stored.headers], missing: MISSING };
    return { ...result, replayed };
  };
}

/** A gateway finds the site by the host, so no request without one meets the site's rules. */
function withHost(headers: readonly string[], [first = ""]: readonly string[]): string[] {
  const hasHost = headers.some((line) => /^host[\t ]*:/i.test(line));
  return hasHost ? [...headers] : [`Host: ${first.replace(/^\*\./, "www.")}`, ...headers];
}

/** `RULE VARIABLE /PATH`; the schema has checked its form. */
function draftOf(text: string, siteId: string): Exclusion {
  const [rule = "", ...rest] = text.split(" ");
  return {
    exclusionId: `draft ${text}`,
    siteId,
    ruleId: Number(rule),
    variable: rest.find((part) => !part.startsWith("/")) ?? null,
    pathPrefix: rest.find((part) => part.startsWith("/")) ?? "/",
    note: "",
    createdBy: "",
    createTime: "",
  };
}
