/** Compiles the action list of a rule. */
import type {
  Aging,
  Control,
  Disruption,
  IdRange,
  Rule,
  Selector,
  SetVariable,
  Template,
} from "./compiled.ts";
import { parseTargets } from "./parse-rule.ts";
import type { ParsedAction } from "./rule.ts";
import type { Secret } from "./secret.ts";
import { compileSelector } from "./selector.ts";
import { parseTemplate } from "./template.ts";

/** Actions gathered from one list; absent ones are undefined so that defaults can fill them. */
export type ActionSet = {
  id: number | undefined;
  phase: number | undefined;
  /** Undefined when there is no `t:` at all; `t:none` empties what came before. */
  transformations: string[];
  clearsTransformations: boolean;
  disruptive: string | undefined;
  disruptiveValue: string;
  status: number | undefined;
  log: boolean | undefined;
  capture: boolean;
  chain: boolean;
  multiMatch: boolean;
  message: string;
  logData: string;
  tags: string[];
  severity: string;
  revision: string;
  skip: number;
  skipAfter: string | undefined;
  setVariables: SetVariable[];
  controls: Control[];
  initCollections: { collection: string; key: Template }[];
  aging: Aging[];
  secrets: Secret[];
};

const PHASE_NAMES: Readonly<Record<string, number>> = { request: 2, response: 4, logging: 5 };
const DISRUPTIVE = new Set([
  "allow",
  "block",
  "deny",
  "drop",
  "pass",
  "proxy",
  "redirect",
  "pause",
]);
/** Accepted and without effect here: the audit trail of requests is Cordon's own. */
const WITHOUT_EFFECT = new Set([
  "auditlog",
  "noauditlog",
  "accuracy",
  "maturity",
  "ver",
  "append",
  "prepend",
]);
const SEVERITIES = [
  "EMERGENCY",
  "ALERT",
  "CRITICAL",
  "ERROR",
  "WARNING",
  "NOTICE",
  "INFO",
  "DEBUG",
];

/** Actions that call values secret. */
const SECRET_KINDS: ReadonlyMap<string, Secret["kind"]> = new Map([
  ["sanitisearg", "argument"],
  ["sanitisematched", "matched"],
  // Which bytes matched is not asked: all of the value is secret.
  ["sanitisematchedbytes", "matched"],
  ["sanitiserequestheader", "requestHeader"],
  ["sanitiseresponseheader", "responseHeader"],
]);

/** Collections that have an action of their own beside `initcol`. */
const OPENED_BY = { setsid: "SESSION", setuid: "USER", setrsc: "RESOURCE" } as const;

function emptySet(): ActionSet {
  return {
    id: undefined,
    phase: undefined,
    transformations: [],
    clearsTransformations: false,
    disruptive: undefined,
    disruptiveValue: "",
    status: undefined,
    log: undefined,
    capture: false,
    chain: false,
    multiMatch: false,
    message: "",
    logData: "",
    tags: [],
    severity: "",
    revision: "",
    skip: 0,
    skipAfter: undefined,
    setVariables: [],
    controls: [],
    initCollections: [],
    aging: [],
    secrets: [],
  };
}

/** Compiles actions; a text is the message of what is wrong. */
export function compileActions(actions: readonly ParsedAction[]): ActionSet | string {
  const set = emptySet();
  for (const action of actions) {
    const fault = readMeta(set, action) ?? readEffect(set, action);
    if (fault === "unknown") return `has the action "${action.name}", which is unknown`;
    if (fault !== undefined && fault !== "") return fault;
  }
  return set;
}

/** What a rule is called and how it runs. Undefined = not one of these; "" = taken. */
function readMeta(set: ActionSet, { name, value }: ParsedAction): string | undefined {
  switch (name) {
    case "id":
      set.id = Number(value);
      return Number.isSafeInteger(set.id) && set.id > 0
        ? ""
        : `has the id "${value}", which is no number`;
    case "phase":
      set.phase = PHASE_NAMES[value.toLowerCase()] ?? Number(value);
      return set.phase >= 1 && set.phase <= 5 ? "" : `has the phase "${value}"; phases are 1 to 5`;
    case "t":
      if (value.toLowerCase() === "none") {
        set.clearsTransformations = true;
        set.transformations = [];
      } else set.transformations.push(value.toLowerCase());
      return "";
    case "msg":
      set.message = value;
      return "";
    case "logdata":
      set.logData = value;
      return "";
    case "tag":
      set.tags.push(value);
      return "";
    case "severity":
      set.severity = SEVERITIES[Number(value)] ?? value.toUpperCase();
      return SEVERITIES.includes(set.severity) ? "" : `has the severity "${value}"`;
    case "rev":
      set.revision = value;
      return "";
    case "chain":
      set.chain = true;
      return "";
    case "capture":
      set.capture = true;
      return "";
    case "multimatch":
      set.multiMatch = true;
      return "";
    case "log":
    case "nolog":
      set.log = name === "log";
      return "";
    case "skip":
      set.skip = Number(value);
      return Number.isSafeInteger(set.skip) && set.skip > 0 ? "" : `skips "${value}" rules`;
    case "skipafter":
      set.skipAfter = value;
      return "";
    case "status":
      set.status = Number(value);
      return set.status >= 100 && set.status <= 599 ? "" : `has the status "${value}"`;
    default:
      return undefined;
  }
}

/** What a rule does when it matches. */
function readEffect(set: ActionSet, { name, value }: ParsedAction): string | undefined {
  if (DISRUPTIVE.has(name)) {
    if (name === "proxy" || name === "pause")
      return `has the action "${name}", which is not supported`;
    set.disruptive = name;
    set.disruptiveValue = value;
    return undefined;
  }
  if (WITHOUT_EFFECT.has(name)) return undefined;
  const secret = SECRET_KINDS.get(name);
  if (secret !== undefined) {
    set.secrets.push(secret === "matched" ? { kind: secret } : { kind: secret, name: value });
    return undefined;
  }
  switch (name) {
    case "setvar": {
      const setVariable = parseSetVariable(value);
      if (typeof setVariable === "string") return setVariable;
      set.setVariables.push(setVariable);
      return undefined;
    }
    case "setenv": {
      const [variable = "", text] = splitOnce(value, "=");
      set.setVariables.push({
        collection: "ENV",
        name: parseTemplate(variable.toLowerCase()),
        operation: "set",
        value: parseTemplate(text),
      });
      return undefined;
    }
    case "setsid":
    case "setuid":
    case "setrsc":
      set.initCollections.push({ collection: OPENED_BY[name], key: parseTemplate(value) });
      return undefined;
    case "ctl": {
      const control = parseControl(value);
      if (typeof control === "string") return control;
      set.controls.push(control);
      return undefined;
    }
    case "initcol": {
      const [collection = "", key = ""] = splitOnce(value, "=");
      set.initCollections.push({ collection: collection.toUpperCase(), key: parseTemplate(key) });
      return undefined;
    }
    case "expirevar":
    case "deprecatevar":
      set.aging.push(parseAging(name, value));
      return undefined;
    case "xmlns":
      return /^[^=]+=.+$/s.test(value)
        ? undefined
        : `has the namespace "${value}", which is no prefix=name`;
    case "exec":
      return `has the action "exec": rules do not start programs here`;
    default:
      return "unknown";
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** `ip.tries=60`: ends after so many seconds; `ip.tries=5/60`: that much less each. */
function parseAging(action: string, text: string): Aging {
  const [path, rate] = splitOnce(text, "=");
  const [collection, name] = splitOnce(path, ".");
  const [amount, seconds] = action === "expirevar" ? [undefined, rate] : splitOnce(rate, "/");
  return {
    collection: collection.trim().toUpperCase(),
    name: parseTemplate(name.trim().toLowerCase()),
    amount: amount === undefined ? undefined : parseTemplate(amount),
    seconds: parseTemplate(seconds),
  };
}

function parseSetVariable(text: string): SetVariable | string {
  const unset = text.startsWith("!");
  const [path, value] = splitOnce(unset ? text.slice(1) : text, "=");
  const [collection, name] = splitOnce(path, ".");
  if (name === "") return `sets "${path}", which is no collection with a key`;
  const sign = value.charAt(0);
  const operation = unset ? "unset" : sign === "+" ? "add" : sign === "-" ? "subtract" : "set";
  const amount = operation === "add" || operation === "subtract" ? value.slice(1) : value;
  const given = text.includes("=") ? amount : "1";
  return {
    collection: collection.trim().toUpperCase(),
    name: parseTemplate(name.trim().toLowerCase()),
    operation,
    value: parseTemplate(given),
  };
}

/** `1,5-9` or a single id. */
export function parseIdRanges(text: string): IdRange[] | undefined {
  const ranges: IdRange[] = [];
  for (const part of text.split(/[\s,]+/).filter((piece) => piece !== "")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.replaceAll('"', ""));
    if (match === null) return undefined;
    ranges.push({ first: Number(match[1]), last: Number(match[2] ?? match[1]) });
  }
  return ranges;
}

export function inRanges(ranges: readonly IdRange[], id: number): boolean {
  return ranges.some(({ first, last }) => id >= first && id <= last);
}

/** A tag or message pattern of `…ByTag` and `…ByMsg`: a regular expression in the rule's text. */
function textPattern(pattern: string): (text: string) => boolean {
  const compiled = compileSelector(pattern, true);
  return compiled.kind === "pattern" ? compiled.test : () => false;
}

function parseControl(text: string): Control | string {
  const [rawName, value] = splitOnce(text, "=");
  const name = rawName.trim().toLowerCase();
  switch (name) {
    case "ruleremovebyid": {
      const ranges = parseIdRanges(value);
      return ranges === undefined ? `has ctl ids "${value}"` : { kind: "removeById", ranges };
    }
    case "ruleremovebytag":
      return { kind: "removeByTag", tag: textPattern(value) };
    case "ruleremovebymsg":
      return { kind: "removeByMessage", message: textPattern(value) };
    case "ruleremovetargetbyid":
    case "ruleremovetargetbytag":
    case "ruleremovetargetbymsg":
      return parseRemoveTarget(name, value);
    case "ruleengine":
      return { kind: "engine", mode: engineMode(value) };
    case "requestbodyprocessor":
      return { kind: "bodyProcessor", name: value.toUpperCase() };
    case "forcerequestbodyvariable":
      return { kind: "forceBodyVariable", on: value.toLowerCase() === "on" };
    case "requestbodyaccess":
      return { kind: "requestBodyAccess", on: value.toLowerCase() === "on" };
    case "auditengine":
    case "auditlogparts":
    case "debugloglevel":
    case "responsebodyaccess":
    case "requestbodylimit":
    case "responsebodylimit":
    case "hashengine":
    case "hashenforcement":
      return { kind: "ignored", name };
    default:
      return `has the control "${rawName}", which is unknown`;
  }
}

export function engineMode(value: string): "on" | "off" | "detectionOnly" {
  const lowered = value.toLowerCase();
  return lowered === "off" ? "off" : lowered === "detectiononly" ? "detectionOnly" : "on";
}

function parseRemoveTarget(name: string, value: string): Control | string {
  const [which, targetText] = splitOnce(value, ";");
  const targets = parseTargets(targetText);
  const target = typeof targets === "string" ? undefined : targets[0];
  if (target === undefined) return `removes the target "${targetText}", which is no variable`;
  const selector: Selector = compileSelector(target.selector, target.selectorIsRegex);
  const rule = ruleTest(name, which);
  if (rule === undefined) return `has ctl ids "${which}"`;
  return { kind: "removeTarget", rule, variable: target.variable, selector };
}

function ruleTest(name: string, which: string): ((rule: Rule) => boolean) | undefined {
  if (name === "ruleremovetargetbyid") {
    const ranges = parseIdRanges(which);
    return ranges === undefined ? undefined : (rule) => inRanges(ranges, rule.id);
  }
  const test = textPattern(which);
  if (name === "ruleremovetargetbytag") return (rule) => rule.tags.some(test);
  return (rule) => rule.message.some((part) => typeof part === "string" && test(part));
}

/** The disruption of a rule after `block` has taken the phase's default. */
export function disruptionOf(set: ActionSet, defaults: ActionSet | undefined): Disruption {
  const own = set.disruptive ?? defaults?.disruptive;
  const blocked = own === "block";
  const kind = blocked ? (defaults?.disruptive ?? "pass") : own;
  const status = set.status ?? defaults?.status ?? 403;
  switch (kind) {
    case "deny":
    case "drop":
      return { kind, status };
    case "allow": {
      const scope = set.disruptiveValue;
      return { kind, scope: scope === "phase" || scope === "request" ? scope : "all" };
    }
    case "redirect": {
      const value = blocked ? (defaults?.disruptiveValue ?? "") : set.disruptiveValue;
      const redirectStatus = set.status ?? 302;
      return { kind, status: redirectStatus, location: parseTemplate(value) };
    }
    case "pass":
      return { kind };
    default:
      return { kind: "none" };
  }
}
