/**
 * Finds the OWASP Core Rule Set as Debian packages it, or fetches it: as root by installing the
 * package (with nftables), as an ordinary user by unpacking it into the data folder. Without it
 * Cordon starts all the same, and says that the WAF has no rules.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../kernel/config.ts";
import type { Report } from "../progress.ts";
import { lastLine, runProgram } from "./program.ts";

/** Where a rule set is; read by the server and the gateway from `rules/sources.json`. */
export type RuleSource = {
  readonly name: string;
  readonly version: string;
  readonly setupFile: string;
  readonly rulesFolder: string;
};

const APT_MAX_MS = 180_000;
const UNPACK_MAX_MS = 30_000;
const NONINTERACTIVE = { DEBIAN_FRONTEND: "noninteractive" };
const STEP = "rules";

export function ruleSourcesFile(config: Config): string {
  return join(config.folders.rules, "sources.json");
}

/** Step of `up`; never fails, a missing rule set is a warning with the way out. */
export async function prepareRules(config: Config, report: Report): Promise<void> {
  const root = process.getuid?.() === 0;
  if (root) await installPackages(report);
  let source = findCoreRuleSet("/") ?? findCoreRuleSet(unpackedFolder(config));
  if (source === undefined && !root) {
    await unpackRules(config, report);
    source = findCoreRuleSet(unpackedFolder(config));
  }
  if (source === undefined) {
    const message = "no Core Rule Set: the WAF has no rules; run: apt-get install modsecurity-crs";
    report({ type: "warning", step: STEP, message });
  }
  const sources = source === undefined ? [] : [source];
  writeFileSync(ruleSourcesFile(config), `${JSON.stringify(sources, undefined, 2)}\n`);
}

/** Debian's layout of the rule set below `top`; undefined when it is not (wholly) there. */
export function findCoreRuleSet(top: string): RuleSource | undefined {
  const rulesFolder = join(top, "usr/share/modsecurity-crs/rules");
  const setupFile = join(top, "etc/modsecurity/crs/crs-setup.conf");
  if (!existsSync(rulesFolder) || !existsSync(setupFile)) return undefined;
  const first = readdirSync(rulesFolder).find((name) => name.startsWith("REQUEST-901"));
  if (first === undefined) return undefined;
  const text = readFileSync(join(rulesFolder, first), "latin1");
  const version = /OWASP (?:ModSecurity Core Rule Set|CRS)[ /]*(?:ver\.)?(\d+\.\d+\.\d+)/.exec(
    text,
  );
  const number = version?.[1] ?? "unknown";
  return { name: `crs-${number}`, version: number, setupFile, rulesFolder };
}

function unpackedFolder(config: Config): string {
  return join(config.folders.rules, "debian");
}

/** Root on Debian: the packages that data planes use. */
async function installPackages(report: Report): Promise<void> {
  const missing = [
    ...(findCoreRuleSet("/") === undefined ? ["modsecurity-crs"] : []),
    ...(existsSync("/usr/sbin/nft") || existsSync("/sbin/nft") ? [] : ["nftables"]),
  ];
  if (missing.length === 0) return;
  if (!existsSync("/usr/bin/apt-get")) {
    const message = `this is not Debian; install by hand: ${missing.join(" ")}`;
    report({ type: "warning", step: STEP, message });
    return;
  }
  report({ type: "note", step: STEP, message: `installing ${missing.join(", ")} with apt-get` });
  const install = () =>
    runProgram(["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", ...missing], {
      timeMaxMs: APT_MAX_MS,
      env: NONINTERACTIVE,
    });
  let result = await install();
  if (result.status !== 0) {
    await runProgram(["apt-get", "update", "--quiet"], { timeMaxMs: APT_MAX_MS });
    result = await install();
  }
  if (result.status === 0) return;
  const message = `${lastLine(result.output)}; run: apt-get install ${missing.join(" ")}`;
  report({ type: "warning", step: STEP, message });
}

/** An ordinary user: the package is downloaded and unpacked, nothing is installed. */
async function unpackRules(config: Config, report: Report): Promise<void> {
  const download = join(config.folders.rules, "download");
  report({ type: "note", step: STEP, message: "downloading modsecurity-crs with apt-get" });
  rmSync(download, { recursive: true, force: true });
  mkdirSync(download, { mode: 0o700 });
  const fetched = await runProgram(["apt-get", "download", "modsecurity-crs"], {
    timeMaxMs: APT_MAX_MS,
    cwd: download,
  });
  const file = readdirSync(download).find((name) => name.endsWith(".deb"));
  if (fetched.status !== 0 || file === undefined) {
    const message = `apt-get download modsecurity-crs: ${lastLine(fetched.output)}`;
    report({ type: "warning", step: STEP, message });
    return;
  }
  const unpacked = unpackedFolder(config);
  rmSync(unpacked, { recursive: true, force: true });
  const result = await runProgram(["dpkg-deb", "--extract", join(download, file), unpacked], {
    timeMaxMs: UNPACK_MAX_MS,
  });
  rmSync(download, { recursive: true, force: true });
  if (result.status !== 0) {
    report({ type: "warning", step: STEP, message: `dpkg-deb: ${lastLine(result.output)}` });
  }
}
