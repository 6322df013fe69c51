/**
 * Runs a case of ModSecurity's regression suite against our engine in process, and tells in the
 * words of that engine's logs what happened: its cases expect a status and lines of the logs.
 */
import Type from "typebox";
import type { Collection } from "../../src/engines/seclang/collection.ts";
import type { Rule, Ruleset, Target } from "../../src/engines/seclang/compiled.ts";
import {
  beginTransaction,
  compileRuleset,
  SecLangError,
  type Transaction,
} from "../../src/engines/seclang/engine.ts";
import { selects } from "../../src/engines/seclang/selector.ts";
import { derive } from "../../src/engines/seclang/value.ts";

const Text = Type.Union([Type.String(), Type.Number()]);
/** An empty text stands for no fields. */
const Fields = Type.Union([Type.Record(Type.String(), Text), Type.Literal("")]);
const Peer = Type.Object({ ip: Type.Optional(Type.String()), port: Type.Optional(Text) });
const Body = Type.Union([Type.String(), Type.Array(Text)]);

export const Cases = Type.Array(
  Type.Object({
    enabled: Type.Integer(),
    title: Type.String(),
    resource: Type.Optional(Type.String()),
    client: Type.Optional(Peer),
    server: Type.Optional(Peer),
    request: Type.Optional(
      Type.Object({
        uri: Type.Optional(Type.String()),
        method: Type.Optional(Type.String()),
        http_version: Type.Optional(Type.Number()),
        headers: Type.Optional(Fields),
        body: Type.Optional(Body),
      }),
    ),
    response: Type.Optional(
      Type.Object({
        headers: Type.Optional(Fields),
        body: Type.Optional(Body),
        protocol: Type.Optional(Type.String()),
      }),
    ),
    expected: Type.Object({
      http_code: Type.Optional(Type.Integer()),
      redirect_url: Type.Optional(Type.String()),
      debug_log: Type.Optional(Type.String()),
      error_log: Type.Optional(Type.String()),
      audit_log: Type.Optional(Type.String()),
      parser_error: Type.Optional(Type.String()),
    }),
    rules: Type.Array(Type.String()),
  }),
);
export type Case = Type.Static<typeof Cases>[number];

/** What came of a case. */
export type Outcome = {
  /** Faults of the rules; undefined = they were loaded. */
  readonly faults: string | undefined;
  readonly status: number;
  readonly location: string;
  readonly log: string;
};

const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/** The suite ends each line of a body with a line feed, the last one as well. */
function bodyOf(lines: Type.Static<typeof Body> | undefined): string {
  return typeof lines === "string" || lines === undefined
    ? ""
    : latin1(lines.map((line) => `${line}\n`).join(""));
}

/** Loads the rules of a case and sends its request through them. */
export function runCase(given: Case, dataFile: (name: string) => string | undefined): Outcome {
  let ruleset: Ruleset;
  try {
    // Without a word about it that engine refuses nothing.
    const defaults = { name: "defaults.conf", text: "SecRuleEngine DetectionOnly" };
    const rules = { name: "case.conf", text: latin1(given.rules.join("\n")) };
    ruleset = compileRuleset([defaults, rules], { dataFile: (_fromFile, name) => dataFile(name) });
  } catch (error) {
    if (!(error instanceof SecLangError)) throw error;
    const faults = error.faults.map(({ line, message }) => `line ${line}: ${message}`).join("; ");
    return { faults, status: 0, location: "", log: "" };
  }
  const { settings } = ruleset;
  const { status, location } = send(
    given,
    beginTransaction(ruleset, connectionOf(given)),
    settings,
  );
  const lines: string[] = [];
  const watched = beginTransaction(watch(ruleset, lines), connectionOf(given), {
    trace: true,
    usePrefilter: false,
  });
  lines.push(`Access denied with code ${send(given, watched, settings).status}`);
  lines.push(
    ...toldBy(ruleset, watched),
    ...variablesOf(ruleset, watched),
    ...removedFrom(ruleset, given),
  );
  return { faults: undefined, status, location, log: lines.join("\n") };
}

const connectionOf = ({ client, server }: Case) => ({
  remoteAddress: client?.ip ?? "",
  remotePort: Number(client?.port ?? 0),
  serverAddress: server?.ip ?? "",
  serverPort: Number(server?.port ?? 0),
  uniqueId: "1.1",
  timeMs: 1_700_000_000_000,
});

function send(
  { request = {}, response = {} }: Case,
  transaction: Transaction,
  settings: Ruleset["settings"],
): { status: number; location: string } {
  const protocol = `HTTP/${request.http_version ?? 1.1}`;
  const method = request.method ?? "";
  const uri = latin1(request.uri ?? "");
  const fieldsOf = (fields: Type.Static<typeof Fields> = {}) =>
    [Object.keys(fields).map(latin1), Object.values(fields).map((v) => latin1(String(v)))] as const;
  transaction.requestLine(method, uri, protocol, `${method} ${uri} ${protocol}`);
  const verdict =
    transaction.requestHeaders(...fieldsOf(request.headers)) ??
    transaction.requestBody(...cut(bodyOf(request.body), settings.requestBodyBytesMax)) ??
    transaction.responseHeaders(
      200,
      response.protocol ?? "HTTP/1.1",
      ...fieldsOf(response.headers),
    ) ??
    transaction.responseBody(...cut(bodyOf(response.body), settings.responseBodyBytesMax));
  transaction.finish();
  const location = verdict?.action === "redirect" ? verdict.location : "";
  return { status: verdict?.status ?? 200, location };
}

/** What is inspected of a body is the caller's choice, which here is the case's. */
const cut = (body: string, bytesMax: number) =>
  [body.slice(0, bytesMax), { partial: body.length > bytesMax }] as const;

/** As in the logs of the other engine: what is not printable in hexadecimal. */
const shown = (text: string): string =>
  text.replace(/[^\x20-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** The same ruleset, each operator of which writes down what it is asked and what it answers. */
function watch(ruleset: Ruleset, lines: string[]): Ruleset {
  const made = new Map<Rule, Rule>();
  const watchOne = (rule: Rule): Rule => {
    const watched = made.get(rule) ?? watchRule(rule, lines, watchOne);
    made.set(rule, watched);
    return watched;
  };
  return {
    ...ruleset,
    rules: ruleset.rules.map(watchOne),
    phases: ruleset.phases.map((phase) => ({ ...phase, rules: phase.rules.map(watchOne) })),
  };
}

type Read = { readonly target: Target; readonly items: Collection };

function watchRule(rule: Rule, lines: string[], watchNext: (rule: Rule) => Rule): Rule {
  const reads: Read[] = [];
  const targets = rule.targets.map((target): Target => {
    const read: Target["read"] = (state) => {
      const items = target.read(state);
      reads.push({ target, items });
      return items;
    };
    // Every read is seen: none is kept, and none has a short way.
    return { ...target, read, readText: undefined, slot: -1, txKey: undefined };
  });
  const next = rule.next === undefined ? undefined : watchNext(rule.next);
  const asked = { ...rule, targets, next, gate: undefined };
  const { operator } = rule;
  if (operator === undefined) return asked;
  const match: typeof operator.match = (value, argument) => {
    const names = namesOf(rule, reads, value);
    lines.push(...questionLines(rule, { names, value, argument }));
    const found = operator.match(value, argument);
    if ((found === undefined) === rule.negated) {
      lines.push(...answerLines(rule, found, { names, value, argument }));
    }
    return found;
  };
  return { ...asked, operator: { ...operator, match } };
}

type Question = {
  readonly names: readonly string[];
  readonly value: string;
  readonly argument: string;
};

function questionLines(rule: Rule, { names, value, argument }: Question): string[] {
  const steps = rule.chain.name.split(">").filter((one) => one !== "");
  return [
    runLine(rule, argument),
    ...steps.map((step) => `[9]  T (0) t:${step}: "${shown(value)}"`),
    ...names.map((name) => `[9] Target value: "${shown(value)}" (Variable: ${name})`),
  ];
}

function runLine({ id, operatorName, targets }: Rule, argument: string): string {
  const against = targets.map(nameOf).join("|");
  return `[4] (Rule: ${id}) Executing operator "${operatorName}" with param "${shown(argument)}" against ${against}.`;
}

function answerLines(
  rule: Rule,
  found: ReturnType<NonNullable<Rule["operator"]>["match"]>,
  { names, value, argument }: Question,
): string[] {
  const captures =
    found === undefined || !rule.capture
      ? []
      : (found.captures ?? [value.slice(found.start, found.end)]);
  const asked = `Operator \`${rule.operatorName}' with parameter \`${shown(argument)}'`;
  return [
    ...captures.flatMap((text = "", at) => [
      `Added regex subexpression TX.${at}: ${shown(text)}`,
      `Added ${rule.operatorName} match TX.${at}: ${shown(text)}`,
    ]),
    ...names.map(
      (name) => `Matched "${asked} against variable \`${name}' (Value: \`${shown(value)}' )`,
    ),
  ];
}

const nameOf = ({ variable, selectorText }: Target): string =>
  selectorText === undefined ? variable : `${variable}:${selectorText}`;

/** Names of what the rule has read and has made `value` of. */
function namesOf(rule: Rule, reads: readonly Read[], value: string): string[] {
  const names = new Set<string>();
  for (const { target, items } of reads) {
    if (target.count) names.add(nameOf(target));
    for (const [at, item] of target.count ? [] : items.values.entries()) {
      const name = items.names[at] ?? "";
      const isWhole = target.variable === "XML" || !target.named;
      if (!isWhole && !selects(target.selector, name, items.lowered[at] ?? "")) continue;
      const forms = [...rule.multiMatchChains, rule.chain].map((chain) => derive(item, chain).text);
      if (!forms.includes(value)) continue;
      names.add(target.named && name !== "" ? `${target.variable}:${name}` : target.variable);
    }
  }
  return [...names];
}

/** What became of the rules, and what a log says of those that matched. */
function toldBy({ rules }: Ruleset, { trace, matches }: Transaction): string[] {
  const ran = new Set(trace.map(({ ruleId }) => ruleId));
  return [
    ...rules.filter(({ id }) => ran.has(id)).map((rule) => runLine(rule, rule.argumentText)),
    ...trace.flatMap(({ ruleId, outcome, message }) => {
      if (outcome === "removed") {
        return [
          `Rule id: ${ruleId} was skipped due to a ruleRemoveById action...`,
          `Skipped rule id '${ruleId}'. Skipped due to a ruleRemoveByTag action.`,
        ];
      }
      const returned = `[4] (Rule: ${ruleId}) ... Rule returned ${outcome === "matched" ? 1 : 0}.`;
      return outcome === "matched" ? [returned, `Saving msg: ${shown(message)}`] : [returned];
    }),
    ...matches().map(({ ruleId, message, logData }) => {
      return `[id "${ruleId}"] [msg "${shown(message)}"] [data "${shown(logData)}"]`;
    }),
  ];
}

/** The variables that rules set, as they are in the end. */
function variablesOf({ rules }: Ruleset, transaction: Transaction): string[] {
  return rules
    .flatMap(({ setVariables }) => setVariables)
    .flatMap(({ collection, name: [name] }) => {
      if (typeof name !== "string") return [];
      const text = shown(transaction.variable(collection, name));
      return collection === "ENV"
        ? [`Setting environment variable: ${name} to ${text}`]
        : [`Saving variable: ${collection}:${name} with value: ${text}`];
    });
}

/** Rules of the text that the ruleset no longer has. */
function removedFrom({ rules }: Ruleset, given: Case): string[] {
  const ids = [...given.rules.join("\n").matchAll(/\bid:'?(\d+)/g)].map(([, id]) => Number(id));
  return ids
    .filter((id) => !rules.some((rule) => rule.id === id))
    .flatMap((id) =>
      ["an SecRuleRemove", "a SecRuleRemoveByMsg", "a SecRuleRemoveByTag"].map(
        (what) => `Skipped rule id '${id}'. Removed by ${what} directive.`,
      ),
    );
}
