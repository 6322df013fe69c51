/**
 * Checks of what Cordon runs on: nftables, rules, PostgreSQL, chDB, Chromium. What could crash or
 * hang runs in a child process, so that it cannot end or hold up the doctor.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Config, programFolder } from "../kernel/config.ts";
import { connectLake } from "../kernel/lake/client.ts";
import { postgresBinaries } from "../kernel/postgres/binaries.ts";
import { commandAs, namespaceWorks, runAsFor } from "../kernel/postgres/run-as.ts";
import { askVersion, VERSION_MIN } from "../kernel/postgres/server.ts";
import { codeOf, messageOf } from "../kernel/process/text.ts";
import { installedRulesets } from "../kernel/rules/load.ts";
import { type Check, type Finding, off, on, warning } from "./doctor-check.ts";
import { lastLine, type ProgramResult, runProgram } from "./up/program.ts";
import { findCoreRuleSet, ruleSourcesFile } from "./up/rules.ts";

const PROGRAM_MAX_MS = 20_000;
const REINSTALL = "run npm ci --ignore-scripts in the program folder";
const RUN_AS_TEXT = {
  self: "this user",
  namespace: "nobody, in a user namespace",
  nobody: "the user nobody",
} as const;
const INSTALL_RULES = "apt-get install modsecurity-crs, then restart with ./cordon up";

export const PROGRAM_CHECKS: readonly Check[] = [
  { name: "nftables", needed: false, run: nftables },
  { name: "waf-rules", needed: true, run: wafRules },
  { name: "user-namespaces", needed: false, run: userNamespaces },
  { name: "database", needed: true, run: database },
  { name: "lake", needed: true, run: lake },
  { name: "chromium", needed: false, run: chromium },
];

async function nftables(): Promise<Finding> {
  const user = process.getuid?.();
  if (user !== 0) {
    const why = `this is user ${user}: the kernel's packet filter is for root only`;
    return off(why, "run ./cordon up as root to block packets, not only requests");
  }
  const nft = findProgram("nft");
  if (nft === undefined) return off("the program nft is missing", "apt-get install nftables");
  const result = await runProgram([nft, "list", "tables"], { timeMaxMs: PROGRAM_MAX_MS });
  if (result.status === 0) return on(`${nft} list tables works`);
  return off(
    `${nft} list tables: ${reason(result)}`,
    "load the kernel module: modprobe nf_tables; a container needs the capability NET_ADMIN",
  );
}

const LOAD_RULES = `
const [load, setupFile, rulesFolder] = process.argv.slice(1);
const { loadRuleset } = await import(load);
try {
  console.log(loadRuleset({ setupFile, rulesFolder }).ruleCount);
} catch (error) {
  console.log(String(error.message).split("\\n")[0]);
  process.exitCode = 1;
}
`;

async function wafRules(config: Config): Promise<Finding> {
  const started = existsSync(ruleSourcesFile(config));
  const unpacked = join(config.folders.rules, "debian");
  const found = findCoreRuleSet("/") ?? findCoreRuleSet(unpacked);
  const [source] = started ? installedRulesets(config) : found === undefined ? [] : [found];
  if (source === undefined) {
    if (!started) {
      return warning("the Core Rule Set is not there yet; up fetches it", INSTALL_RULES);
    }
    return off("no Core Rule Set: the WAF has no rules", INSTALL_RULES);
  }
  const { name, setupFile, rulesFolder } = source;
  const load = join(programFolder, "src/kernel/rules/load.ts");
  const result = await runScript(LOAD_RULES, [load, setupFile, rulesFolder]);
  if (result.status === 0) {
    return on(`${name} loads without a fault: ${lastLine(result.output)} rules`);
  }
  return off(
    `${name} in ${rulesFolder} does not load: ${reason(result)}`,
    "undo the change to the rules: apt-get install --reinstall modsecurity-crs",
  );
}

async function userNamespaces(): Promise<Finding> {
  const root = process.getuid?.() === 0;
  const works = root
    ? namespaceWorks()
    : (await runProgram(["unshare", "--user", "true"], { timeMaxMs: PROGRAM_MAX_MS })).status === 0;
  if (works) return on("a user namespace can be made");
  const why = root
    ? "user namespaces are forbidden here; PostgreSQL runs as the user nobody instead"
    : "user namespaces are forbidden here; only tests with networks of their own need them";
  return warning(why, "sysctl user.max_user_namespaces=15000, if your policy allows it");
}

async function database(config: Config): Promise<Finding> {
  if (config.databaseUrl !== undefined) return externalDatabase(config);
  const { postgres, initdb } = postgresBinaries();
  // For the user nobody, runAsFor has run the server program as that user.
  const runAs = runAsFor(postgres);
  let version = "";
  for (const program of [initdb, postgres]) {
    const argv = commandAs(runAs, [program, "--version"]);
    const result = await runProgram(argv, { timeMaxMs: PROGRAM_MAX_MS });
    if (result.status !== 0) return off(`${program} does not run: ${reason(result)}`, REINSTALL);
    version = lastLine(result.output);
  }
  return on(`${version} runs as ${RUN_AS_TEXT[runAs.kind]}`);
}

async function externalDatabase(config: Config): Promise<Finding> {
  const fix = "check CORDON_DATABASE_URL, the server and the network between";
  const version = await askVersion(config).catch((error: unknown) => ({ error }));
  if (typeof version !== "string") {
    // Several addresses tried in vain are one error without a message of its own.
    const said = messageOf(version.error) || codeOf(version.error) || "no answer";
    return off(`the server of CORDON_DATABASE_URL does not answer: ${said}`, fix);
  }
  if (Number.parseInt(version, 10) >= VERSION_MIN) {
    return on(`the server of CORDON_DATABASE_URL is PostgreSQL ${version}`);
  }
  const why = `the server of CORDON_DATABASE_URL is PostgreSQL ${version}`;
  return off(`${why}, wanted at least ${VERSION_MIN}`, "use a newer server");
}

const LOAD_CHDB = `
import { query } from "chdb";
console.log("version " + query("SELECT version()", "TabSeparated").toString().trim());
`;

async function lake(config: Config): Promise<Finding> {
  if (config.lakeUrl !== undefined) {
    if (await connectLake({ url: config.lakeUrl }).ping()) {
      return on("the cluster of CORDON_LAKE_URL answers");
    }
    const fix = "check CORDON_LAKE_URL, the server and the network between";
    return off("the cluster of CORDON_LAKE_URL does not answer", fix);
  }
  const result = await runScript(LOAD_CHDB, []);
  const version = /^version (\S+)$/m.exec(result.output)?.[1];
  if (result.status === 0 && version !== undefined) return on(`chDB ${version} loads and answers`);
  const why = `chDB does not load: ${reason(result)}`;
  return off(why, `${REINSTALL}; chDB needs x86_64 with AVX2 or aarch64, or set CORDON_LAKE_URL`);
}

async function chromium(): Promise<Finding> {
  const fix = "apt-get install chromium; only ./cordon test uses it";
  const program = "/usr/bin/chromium";
  if (!existsSync(program)) return off("tests of the console are skipped: no Chromium", fix);
  const result = await runProgram([program, "--version"], { timeMaxMs: PROGRAM_MAX_MS });
  if (result.status === 0) return on(lastLine(result.output).trim());
  return off(`${program} --version: ${reason(result)}`, fix);
}

/** Runs an ES module given as text under this very Node. */
function runScript(script: string, args: readonly string[]): Promise<ProgramResult> {
  const flags = ["--input-type=module", "--eval", script, "--"];
  return runProgram([process.execPath, ...flags, ...args], {
    timeMaxMs: PROGRAM_MAX_MS,
    cwd: programFolder,
  });
}

function reason(result: ProgramResult): string {
  const said = lastLine(result.output);
  if (said !== "") return said;
  if (result.status !== undefined) return `exit status ${result.status}`;
  return `it crashed, or took longer than ${PROGRAM_MAX_MS} ms`;
}

function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return [...folders, "/usr/sbin", "/sbin"]
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}
