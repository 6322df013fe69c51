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
import type { RequestBytes, RuleLibrary } from "./parts.ts";

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
    explain(site, request, imported) {
      const transaction = beginTransaction(imported ?? current(), connectionOf(request), {
        engine: "detectionOnly",
        exclusions: compileExclusions(site.exclusions),
        variables: siteVariables(site),
        trace: true,
      });
      run(transaction, request);
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

function connectionOf({ client, server }: RequestBytes) {
  return {
    remoteAddress: client?.address ?? "192.0.2.1",
    remotePort: client?.port ?? 0,
    serverAddress: server?.address ?? "192.0.2.2",
    serverPort: server?.port ?? 443,
    uniqueId: "explain",
    timeMs: 0,
  };
}

function run(transaction: ReturnType<typeof beginTransaction>, request: RequestBytes): void {
  const { method, target, fields, body, isWhole = true, protocol = "HTTP/1.1" } = request;
  const line = request.requestLine ?? `${method} ${target} ${protocol}`;
  transaction.requestLine(method, target, protocol, line);
  transaction.requestHeaders(
    fields.map(([name]) => name),
    fields.map(([, value]) => value),
  );
  transaction.requestBody(body, { partial: !isWhole });
}
