/** What is known of clients by their User-Agent: tools that probe, and crawlers by their name. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Type, { type Static } from "typebox";
import Value from "typebox/value";
import { compilePattern } from "../../../engines/regex/pattern.ts";
import { programFolder } from "../../../kernel/config.ts";

const Crawler = Type.Object({
  name: Type.String(),
  /** Part of its User-Agent, in lower case. */
  agent: Type.String(),
  /** Domains that its addresses resolve to, and back. */
  domains: Type.Array(Type.String()),
});
export type Crawler = Static<typeof Crawler>;

const contentFile = (name: string): string =>
  readFileSync(join(programFolder, "content", "waf", name), "utf8");

/** Whether a User-Agent is that of a tool that probes sites. */
export function badAgentTest(): (userAgent: string) => boolean {
  const parts = contentFile("bad-agents.txt")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const source = parts.map((part) => part.replace(/[^A-Za-z0-9 ]/g, "\\$&")).join("|");
  const flags = { dotAll: true, multiline: false, ignoreCase: true };
  const pattern = compilePattern(source, flags);
  return (userAgent) => pattern.test(userAgent);
}

/** The crawlers whose addresses can be verified. */
export function knownCrawlers(): readonly Crawler[] {
  const crawlers: unknown = JSON.parse(contentFile("crawlers.json"));
  return Value.Parse(Type.Array(Crawler), crawlers);
}
