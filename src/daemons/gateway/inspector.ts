/** The rule engine behind the seam of inspect.ts: rule sets compiled once, shared by all sites. */

import { type Fields, fieldValue } from "../../engines/http1/fields.ts";
import { createCollectionStore } from "../../engines/seclang/collection-store.ts";
import type { Ruleset } from "../../engines/seclang/compiled.ts";
import type * as Engine from "../../engines/seclang/engine.ts";
import { anomalyScore, siteVariables } from "../../kernel/rules/load.ts";
import { compileOwnRules } from "../../kernel/rules/own-rules.ts";
import { codingOf, isCoding } from "./content-coding.ts";
import type { Endpoints, Finding, Inspection, Inspector, RuleMatch } from "./inspect.ts";
import type { GatewayIntent, SiteIntent } from "./intent.ts";
import { joinInspections } from "./policy/joined-inspection.ts";

/** What is used of the engine; passed in, so that the proxy runs and is tested without it. */
export type RuleEngine = Pick<typeof Engine, "beginTransaction" | "compileExclusions">;

/** Compiles the files of a rule set folder; throws with file and line of a fault. */
export type LoadRuleset = (folder: string) => Ruleset;

export type Inspectors = {
  /**
   * Compiles the rule sets of an intent that are not there yet; `of` takes them. What throws here
   * throws there, too.
   */
  readonly prepare: (
    intent: GatewayIntent,
    load: (folder: string) => Promise<Ruleset>,
  ) => Promise<void>;
  readonly of: (intent: GatewayIntent) => Inspector;
};

/** A rule set and a site's own rules share no variables, those kept between requests neither. */
type OptionsOfSite = Readonly<Record<"set" | "own", Engine.TransactionOptions>>;

const MATCHES_MAX = 64;
const VALUE_BYTES_MAX = 256;
/**
 * Media types of responses whose bodies rules read: those that ModSecurity's recommended settings
 * name (SecResponseBodyMimeType), which the rules of leaks are written for. Scripts of a site hold
 * the words of several languages and are no leak.
 */
const textTypes = /^text\/(?:plain|html|xml)\b/i;

/**
 * Inspectors of intents. Rule sets are kept by folder across intents, so that a change of a site
 * compiles nothing; a new folder is compiled before the routes are swapped.
 */
export function createInspectors(
  engine: RuleEngine,
  load: LoadRuleset,
  loadOwn: (text: string) => Ruleset = compileOwnRules,
): Inspectors {
  const collectionsOf = createCollectionStore();
  let kept = new Map<string, Ruleset>();
  let keptOwn: ReadonlyMap<string, Ruleset> = new Map();
  const prepare: Inspectors["prepare"] = async ({ rulesets }, slowly) => {
    for (const { folder } of rulesets) {
      if (!kept.has(folder)) kept.set(folder, await slowly(folder));
    }
  };
  const of: Inspectors["of"] = (intent) => {
    const next = new Map<string, Ruleset>();
    const byName = new Map<string, Ruleset>();
    for (const { name, folder } of intent.rulesets) {
      const ruleset = next.get(folder) ?? kept.get(folder) ?? load(folder);
      next.set(folder, ruleset);
      byName.set(name, ruleset);
    }
    kept = next;
    // Weak: a route of a site has settings of its own, and all of them end with their intent.
    const settings = new WeakMap<SiteIntent, OptionsOfSite>();
    const own = new Map<string, Ruleset>();
    for (const { policy } of intent.sites) {
      const text = policy?.secLang ?? "";
      if (text !== "") own.set(text, own.get(text) ?? keptOwn.get(text) ?? loadOwn(text));
    }
    keptOwn = own;
    return (site, endpoints) => {
      const installed = byName.get(site.ruleset);
      const ofSite = own.get(site.policy?.secLang ?? "");
      if (installed === undefined && ofSite === undefined) return null;
      let options = settings.get(site);
      if (options === undefined) {
        const shared: Engine.TransactionOptions = {
          engine: "on",
          variables: variablesOf(site),
          exclusions: engine.compileExclusions(site.exclusions),
        };
        options = {
          set: { ...shared, collections: collectionsOf(`set ${site.siteId}`) },
          own: { ...shared, collections: collectionsOf(`own ${site.siteId}`) },
        };
        settings.set(site, options);
      }
      const { set, own: ownOptions } = options;
      const begin = (ruleset: Ruleset, given: Engine.TransactionOptions) =>
        inspectionOf(engine.beginTransaction(ruleset, connectionOf(endpoints), given), site);
      if (installed === undefined) return ofSite === undefined ? null : begin(ofSite, ownOptions);
      const inspection = begin(installed, set);
      return ofSite === undefined
        ? inspection
        : joinInspections(begin(ofSite, ownOptions), inspection);
    };
  };
  return { prepare, of };
}

function connectionOf(endpoints: Endpoints): Engine.Connection {
  return {
    remoteAddress: endpoints.clientAddress,
    remotePort: endpoints.clientPort,
    serverAddress: endpoints.serverAddress,
    serverPort: endpoints.serverPort,
    uniqueId: endpoints.requestId,
    timeMs: Date.now(),
  };
}

/**
 * The variables of sites by their text. Sites that have the same share one map, since the engine
 * keeps what it knows of a map's requests with the map.
 */
const sharedVariables = new Map<string, ReadonlyMap<string, string>>();
const SHARED_VARIABLES_MAX = 256;

function variablesOf(site: SiteIntent): ReadonlyMap<string, string> {
  const variables = siteVariables(site);
  const text = [...variables].join();
  const known = sharedVariables.get(text);
  if (known !== undefined) return known;
  if (sharedVariables.size >= SHARED_VARIABLES_MAX) sharedVariables.clear();
  sharedVariables.set(text, variables);
  return variables;
}

/** Longer ones Node keeps outside V8's heap, and V8 looks through all of that the more often. */
const TEXT_BYTES_MAX = 524_288;

function textOf(body: Buffer): string {
  let text = "";
  for (let at = 0; at < body.length; at += TEXT_BYTES_MAX) {
    text += body.toString("latin1", at, at + TEXT_BYTES_MAX);
  }
  return text;
}

function inspectionOf(transaction: Engine.Transaction, site: SiteIntent): Inspection {
  let location = "";
  const statusOf = (verdict: Engine.Verdict | undefined): number => {
    if (verdict?.action === "redirect") ({ location } = verdict);
    return verdict?.status ?? 0;
  };
  let hasResponse = false;
  return {
    wantsRequestBody: true,
    requestHead: (head) => {
      const { method, target, protocol, requestLine, fields } = head;
      transaction.requestLine(method, target, protocol, requestLine);
      return statusOf(transaction.requestHeaders(fields.names, fields.values, fields.lower));
    },
    requestBody: (body, isWhole) =>
      statusOf(transaction.requestBody(textOf(body), { partial: !isWhole })),
    responseHead: (head) => {
      hasResponse = true;
      const protocol = `HTTP/1.${head.minorVersion}`;
      const { names, values } = head.fields;
      return statusOf(transaction.responseHeaders(head.status, protocol, names, values));
    },
    wantsResponseBody: (fields) => isText(fields),
    responseBody: (body, isWhole) =>
      statusOf(transaction.responseBody(textOf(body), { partial: !isWhole })),
    location: () => location,
    finish: () => {
      transaction.finish();
      return findingOf(transaction, hasResponse, site);
    },
  };
}

/** A body in an unknown coding is opaque to rules: holding it back would only cost time. */
function isText(fields: Fields): boolean {
  const coding = codingOf(fields);
  if (coding !== "identity" && !isCoding(coding)) return false;
  return textTypes.test(fieldValue(fields, "content-type") ?? "");
}

function findingOf(
  transaction: Engine.Transaction,
  hasResponse: boolean,
  site: SiteIntent,
): Finding {
  const inbound = anomalyScore(transaction, "inbound");
  const outbound = anomalyScore(transaction, "outbound");
  const isOutbound = hasResponse && inbound < site.inboundThreshold && outbound > 0;
  return {
    score: isOutbound ? outbound : inbound,
    threshold: isOutbound ? site.outboundThreshold : site.inboundThreshold,
    matches: transaction
      .matches()
      .filter(({ scoring }) => scoring)
      .slice(0, MATCHES_MAX)
      .map(matchOf),
  };
}

/** Keeps the bytes around the match when the value is longer than an event should carry. */
function matchOf(match: Engine.RuleMatch): RuleMatch {
  const { ruleId, message, severity, tags, variable, value, matchStart, matchEnd } = match;
  const latest = Math.max(0, value.length - VALUE_BYTES_MAX);
  const start = Math.min(Math.max(0, matchStart - VALUE_BYTES_MAX / 4), latest);
  const end = Math.min(start + VALUE_BYTES_MAX, value.length);
  return {
    ruleId,
    message,
    severity,
    tags,
    variable,
    value: value.substring(start, end),
    matchStart: Math.min(matchStart, end) - start,
    matchEnd: Math.min(matchEnd, end) - start,
  };
}
