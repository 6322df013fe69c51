/** Virtual patches: packs of conditions for single vulnerabilities, as they come with Cordon. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Type, { type Static } from "typebox";
import Value from "typebox/value";
import { programFolder } from "../config.ts";
import { RuleCondition } from "../intent/site-policy-document.ts";

const SampleRequest = Type.Object({
  method: Type.String(),
  target: Type.String(),
  headers: Type.Array(Type.String()),
  body: Type.String(),
});

const Patch = Type.Object({
  /** The CVE. */
  patchId: Type.String({ pattern: "^CVE-\\d{4}-\\d{4,7}$" }),
  title: Type.String(),
  description: Type.String(),
  when: RuleCondition,
  /** What it must stop, and what it must not. */
  tests: Type.Object({ hits: Type.Array(SampleRequest), misses: Type.Array(SampleRequest) }),
});
export type Patch = Static<typeof Patch>;

let known: readonly Patch[] | undefined;

/** Every patch, newest CVE first. @throws Error naming a file that is none. */
export function virtualPatches(): readonly Patch[] {
  const folder = join(programFolder, "content", "waf", "patches");
  known ??= readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => {
      const patch: unknown = JSON.parse(readFileSync(join(folder, name), "utf8"));
      if (!Value.Check(Patch, patch)) throw new Error(`Cannot read ${name}: it is no patch`);
      return patch;
    })
    .sort((left, right) => right.patchId.localeCompare(left.patchId));
  return known;
}
