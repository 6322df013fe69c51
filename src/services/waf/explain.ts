/** Explaining a request, typed or stored, by the site's rules or by candidates for them. */
import type { Context } from "../../kernel/context.ts";
import type { Lake } from "../../kernel/lake/client.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Lacking, READ_RECORD } from "./contract.ts";
import { loadSite, ofSite } from "./load.ts";
import type { ExplainInput, RequestBytes, WafParts } from "./parts.ts";
import { policyStore } from "./policy-store.ts";
import { printable, requestRecord } from "./records.ts";
import { requestOfRecord, type StoredRequest, storedRequest } from "./replay.ts";
import type { Exclusion } from "./resources.ts";
import { compiledRuleSet } from "./rule-sets.ts";
import { wafStore } from "./store.ts";

/** What a replay lacks, in English; the console has words of its own for the codes. */
const LACKING: Readonly<Record<Lacking, string>> = {
  unmatchedParts: "Headers and parts of the body that met no rule are not kept, nor were they run",
  recordNotAllowed: `A record of the whole request takes the right ${READ_RECORD.action}`,
  noRecord: "No record of the whole request was kept, or its time is over",
  valuesHidden: "Values of secrets were run as asterisks",
  bodyCut: "Of the body only the beginning is kept and was run",
  bodyNotRead: "The rules had not read the body, and it is not kept",
  bodyNotText: "The body is no text that can be kept without its secrets, and was not run",
};

/** The handler of `waf.explainRequest`. */
export function explainHandler({ library, lake }: WafParts) {
  return async (context: Context, input: ExplainInput) => {
    const { siteId, event, draftExclusions = [], paranoiaLevel, inboundThreshold } = input;
    const site = await loadSite(context, siteId);
    const all = await wafStore(context.sql).listExclusions(context.accountId);
    const policy = await policyStore(context.sql).getSettings(context.accountId, siteId);
    const stored = event === undefined ? null : await replayable(lake, context, { siteId, event });
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
      requestOf(input, stored, site.domains),
      await compiledRuleSet(context, input.ruleSetId ?? site.ruleSetId),
    );
    return { ...result, replayed: stored === null ? null : replayedView(stored) };
  };
}

/** The stored request, by its record where there is one and the caller may read it. */
async function replayable(
  lake: Lake,
  context: Context,
  { siteId, event }: { siteId: string; event: string },
): Promise<StoredRequest> {
  const place = { accountId: context.accountId, siteId, id: event };
  const mayRead = await context.mayAlso(READ_RECORD);
  const record = mayRead ? await requestRecord(lake, place) : undefined;
  if (record !== undefined) return requestOfRecord(record);
  const stored = await storedRequest(lake, place);
  return { ...stored, lacks: [...stored.lacks, mayRead ? "noRecord" : "recordNotAllowed"] };
}

function replayedView({ uid, method, target, fields, body, source, lacks }: StoredRequest) {
  return {
    ...{ uid, source, isWhole: lacks.length === 0, lacks: [...lacks] },
    method: printable(method),
    target: printable(target),
    headers: fields.map(([name, value]) => `${printable(name)}: ${printable(value)}`),
    body: printable(body),
    missing: lacks.map((code) => LACKING[code]).join(". "),
  };
}

/** What was given over what was stored. */
function requestOf(
  input: ExplainInput,
  stored: StoredRequest | null,
  domains: readonly string[],
): RequestBytes {
  const { method, target, headers, body } = input;
  const given = headers?.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), bytes(line.slice(colon + 1).trim())];
  });
  const isAsStored = method === undefined && target === undefined;
  const { requestLine, ...rest } = stored ?? { method: "GET", target: "/", fields: [], body: "" };
  return {
    ...rest,
    ...(isAsStored && requestLine !== undefined ? { requestLine } : {}),
    ...(method === undefined ? {} : { method }),
    ...(target === undefined ? {} : { target: bytes(target) }),
    ...(body === undefined ? {} : { body: bytes(body), isWhole: true }),
    fields: withHost(given ?? rest.fields, domains),
  };
}

/** Text of a person becomes the bytes that would be on the wire. */
const bytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/** A gateway finds the site by the host, so no request without one meets the site's rules. */
function withHost(
  fields: RequestBytes["fields"],
  [first = ""]: readonly string[],
): RequestBytes["fields"] {
  const hasHost = fields.some(([name]) => /^host[\t ]*$/i.test(name));
  return hasHost ? fields : [["Host", first.replace(/^\*\./, "www.")], ...fields];
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
