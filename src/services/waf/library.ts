/** The installed rules as the control plane knows them: to list them, and to explain a request. */
import type { Ruleset } from "../../engines/seclang/compiled.ts";
import {
  beginTransaction,
  compileExclusions,
  type RuleMatch,
} from "../../engines/seclang/engine.ts";
import { Problem } from "../../kernel/problem.ts";
import {
  anomalyScore,
  type InstalledRuleset,
  loadRuleset,
  siteVariables,
} from "../../kernel/rules/load.ts";
import { packRuleFiles, ruleFilesIn, sha256Of } from "../../kernel/rules/packed.ts";
import { INSTALLED_RULE_SET, type Rule } from "./contract.ts";
import type { ExplainInput, RuleLibrary } from "./parts.ts";

/** A library over a rule set that is compiled when first asked for. */
export function ruleLibrary(
  load: () => Ruleset | undefined,
  installed: RuleLibrary["installed"] = () => undefined,
): RuleLibrary & { phaseOf(ruleId: number): number | undefined } {
  let ruleset: Ruleset | undefined;
  let view: ReturnType<RuleLibrary["installed"]>;
  const current = (): Ruleset => {
    ruleset ??= load();
    if (ruleset === undefined) throw new Problem("waf.rulesUnavailable");
    return ruleset;
  };
  return {
    installed() {
      view ??= installed();
      return view;
    },
    rules: (ruleset = current()) =>
      ruleset.rules.filter((rule) => rule.message.length > 0).map(ruleView),
    phaseOf(ruleId) {
      ruleset ??= load();
      return ruleset?.rules.find((rule) => rule.id === ruleId)?.phase;
    },
    explain(site, input, imported) {
      const transaction = beginTransaction(imported ?? current(), connectionOf(input), {
        engine: "detectionOnly",
        exclusions: compileExclusions(site.exclusions),
        variables: siteVariables(site),
        trace: true,
      });
      run(transaction, input);
      const score = anomalyScore(transaction, "inbound");
      return {
        wouldBlock: score >= site.inboundThreshold,
        score,
        threshold: site.inboundThreshold,
        matches: transaction
          .matches()
          .filter((match) => match.message !== "")
          .map(matchView),
        trace: transaction.trace.map((entry) => ({ ...entry })),
      };
    },
  };
}

/** The installed set as it stands among the imported ones; read and compiled here. */
export function installedView(
  set: InstalledRuleset | undefined,
): ReturnType<RuleLibrary["installed"]> {
  if (set === undefined) return undefined;
  const files = ruleFilesIn(set.rulesFolder, set.setupFile);
  return {
    ruleSetId: INSTALLED_RULE_SET,
    name: set.name,
    version: set.version,
    sha256: sha256Of(packRuleFiles(files)),
    rules: loadRuleset(set).ruleCount,
    files: files.size,
    origin: set.rulesFolder,
    createdBy: "",
    createTime: null,
  };
}

function ruleView(rule: Ruleset["rules"][number]): Rule {
  const level = rule.tags.find((tag) => tag.startsWith("paranoia-level/"));
  return {
    ruleId: rule.id,
    phase: rule.phase,
    paranoiaLevel: Number(level?.slice("paranoia-level/".length) ?? 1),
    severity: rule.severity,
    message: rule.message.map((part) => (typeof part === "string" ? part : "…")).join(""),
    tags: [...rule.tags],
    file: rule.file.slice(rule.file.lastIndexOf("/") + 1),
    line: rule.line,
  };
}

function matchView(match: RuleMatch) {
  const { ruleId, message, severity, tags, variable, value, matchStart, matchEnd } = match;
  return { ruleId, message, severity, tags: [...tags], variable, value, matchStart, matchEnd };
}

function connectionOf(_input: ExplainInput) {
  return {
    remoteAddress: "192.0.2.1",
    remotePort: 0,
    serverAddress: "192.0.2.2",
    serverPort: 443,
    uniqueId: "explain",
    timeMs: 0,
  };
}

/** Text of a person becomes the bytes that would be on the wire. */
function bytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

function run(transaction: ReturnType<typeof beginTransaction>, input: ExplainInput): void {
  const method = input.method ?? "GET";
  const target = bytes(input.target ?? "/");
  const names: string[] = [];
  const values: string[] = [];
  for (const line of input.headers ?? []) {
    const colon = line.indexOf(":");
    names.push(line.slice(0, colon));
    values.push(bytes(line.slice(colon + 1).trim()));
  }
  transaction.requestLine(method, target, "HTTP/1.1", `${method} ${target} HTTP/1.1`);
  transaction.requestHeaders(names, values);
  transaction.requestBody(bytes(input.body ?? ""));
}
