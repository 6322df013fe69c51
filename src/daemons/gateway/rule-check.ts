/**
 * Compiles what operators brought of rules before workers get it, in a thread of its own: rules of
 * one site that this engine refuses hold up nobody else's change. What the machine has installed is
 * not asked here; workers compile it.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { loadRuleset, setupFileOf } from "../../kernel/rules/load.ts";
import { compileOwnRules } from "../../kernel/rules/own-rules.ts";
import type { GatewayIntent, IntentFault } from "./intent.ts";

/** A folder of an imported rule set, or the text of a site's own rules. */
type Asked = { readonly kind: "folder" | "text"; readonly value: string };

/** Longer than the control plane allows for an import, on a machine that may be slower. */
const COMPILE_MS_MAX = 90_000;
const HEAP_MIB_MAX = 768;
const MESSAGE_CHARS_MAX = 500;

export type RuleCheck = {
  /** One for each site that follows a rule set that does not compile. */
  readonly setFaults: readonly IntentFault[];
  /** One for each site whose own rules do not compile. */
  readonly textFaults: readonly IntentFault[];
  /** Names of the rule sets that do not compile. */
  readonly broken: ReadonlySet<string>;
};

/** A check that remembers what it has compiled for the intent before. */
export function createRuleCheck(): (intent: GatewayIntent) => Promise<RuleCheck> {
  let known = new Map<string, string>();
  return async (intent) => {
    const asked = askedOf(intent);
    const fresh = [...asked].filter(([key]) => !known.has(key));
    const messages = await compileApart(fresh.map(([, each]) => each));
    const next = new Map<string, string>();
    for (const key of asked.keys()) next.set(key, known.get(key) ?? "");
    fresh.forEach(([key], at) => {
      next.set(key, messages[at] ?? "");
    });
    known = next;
    return checkOf(intent, next);
  };
}

const keyOf = ({ kind, value }: Asked): string => `${kind} ${value}`;

function askedOf({ rulesets, sites }: GatewayIntent): Map<string, Asked> {
  const asked = new Map<string, Asked>();
  const ask = (each: Asked) => asked.set(keyOf(each), each);
  for (const { folder, sha256 } of rulesets) {
    if (sha256 !== undefined) ask({ kind: "folder", value: folder });
  }
  for (const { policy } of sites) {
    const text = policy?.secLang ?? "";
    if (text !== "") ask({ kind: "text", value: text });
  }
  return asked;
}

function checkOf(intent: GatewayIntent, messages: ReadonlyMap<string, string>): RuleCheck {
  const broken = new Map<string, string>();
  for (const { name, folder } of intent.rulesets) {
    const message = messages.get(keyOf({ kind: "folder", value: folder })) ?? "";
    if (message !== "") broken.set(name, message);
  }
  const setFaults: IntentFault[] = [];
  const textFaults: IntentFault[] = [];
  intent.sites.forEach(({ siteId, ruleset, policy }, at) => {
    const ofSet = broken.get(ruleset) ?? "";
    if (ofSet !== "") setFaults.push({ siteId, path: `/sites/${at}/ruleset`, message: ofSet });
    const ofText = messages.get(keyOf({ kind: "text", value: policy?.secLang ?? "" })) ?? "";
    const path = `/sites/${at}/policy/secLang`;
    if (ofText !== "") textFaults.push({ siteId, path, message: ofText });
  });
  return { setFaults, textFaults, broken: new Set(broken.keys()) };
}

/**
 * The intent without the sets that do not compile. A site that follows one keeps its settings of
 * `previous`; one that had none is guarded by the installed set, and stays out where there is none.
 */
export function withoutBrokenSets(
  intent: GatewayIntent,
  broken: ReadonlySet<string>,
  previous: GatewayIntent | null,
): GatewayIntent {
  if (broken.size === 0) return intent;
  const installed = intent.rulesets.find(({ sha256 }) => sha256 === undefined);
  const sites = intent.sites.flatMap((site) => {
    if (!broken.has(site.ruleset)) return [site];
    const before = previous?.sites.find(({ siteId }) => siteId === site.siteId);
    if (before !== undefined && !broken.has(before.ruleset)) return [before];
    return installed === undefined ? [] : [{ ...site, ruleset: installed.name }];
  });
  const sound = intent.rulesets.filter(({ name }) => !broken.has(name));
  const kept = (previous?.rulesets ?? []).filter(
    ({ name }) => !broken.has(name) && !sound.some((ruleset) => ruleset.name === name),
  );
  return { ...intent, sites, rulesets: [...sound, ...kept] };
}

/** A message for each: why it does not compile, or empty. */
async function compileApart(asked: readonly Asked[]): Promise<string[]> {
  const messages: string[] = [];
  while (messages.length < asked.length) {
    const before = messages.length;
    const ending = await compileInThread(asked.slice(before), (message) => messages.push(message));
    // What the thread was at when it ended is what ended it.
    if (messages.length < asked.length) messages.push(ending);
  }
  return messages;
}

/** Runs until all are told or one takes too much. @returns why it ended. */
function compileInThread(
  asked: readonly Asked[],
  tell: (message: string) => void,
): Promise<string> {
  return new Promise((resolve) => {
    const thread = new Worker(new URL(import.meta.url), {
      workerData: asked,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
    });
    let left = asked.length;
    const end = (reason: string): void => {
      clearTimeout(timer);
      void thread.terminate();
      resolve(reason);
    };
    const late = () => end(`it does not compile within ${COMPILE_MS_MAX / 1_000} seconds`);
    let timer = setTimeout(late, COMPILE_MS_MAX);
    thread.on("message", (message: unknown) => {
      tell(String(message));
      clearTimeout(timer);
      timer = setTimeout(late, COMPILE_MS_MAX);
      left -= 1;
      if (left === 0) end("");
    });
    thread.once("error", (error) => end(messageOf(error)));
    thread.once("exit", () => end("the thread that compiled it ended"));
  });
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.slice(0, MESSAGE_CHARS_MAX);
}

/** Empty when it compiles; files are named without the folder of this machine. */
function faultOf({ kind, value }: Asked): string {
  try {
    if (kind === "text") compileOwnRules(value);
    else loadRuleset({ rulesFolder: value, setupFile: setupFileOf(value) });
    return "";
  } catch (error) {
    return messageOf(error).replaceAll(`${value}/`, "") || "it does not compile";
  }
}

// What stands in workerData is what compileInThread has put there.
if (!isMainThread) {
  for (const each of workerData as readonly Asked[]) parentPort?.postMessage(faultOf(each));
}
