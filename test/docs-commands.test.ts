/** Commands that the pages name: each one is there, so that a reader can type it. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generatedCommands } from "../src/cli/operations.ts";
import { programFolder } from "../src/kernel/config.ts";

const PAGES = [
  "*.md",
  "docs/**/*.md",
  "src/**/README.md",
  "packages/*/README.md",
  "examples/**/*.md",
];

/** Written by hand in `src/cli/main.ts`. */
const OWN = new Set([
  ...["audit verify", "backup create", "backup verify", "backup restore", "waf ruleset"],
]);

/** The commands of a page that begin with the name of a service and are not among `known`. */
function unknownIn(page: string, known: ReadonlySet<string>): string[] {
  const services = new Set([...known].map((words) => words.split(" ")[0]));
  const named = [...page.matchAll(/\.\/cordon ([a-z]+) ([a-z-]+)(?: ([a-z-]+))?/g)];
  return named.flatMap(([, service = "", noun = "", verb = ""]) => {
    if (!services.has(service) || OWN.has(`${service} ${noun}`)) return [];
    const words = `${service} ${noun} ${verb}`;
    return known.has(words) ? [] : [words];
  });
}

const known = new Set(
  generatedCommands().map(({ contract, noun, verb }) => `${contract.service} ${noun} ${verb}`),
);

test("a command that is not there is found", () => {
  const page = "run `./cordon kms create-key` or ./cordon kms key create, ./cordon audit verify";
  expect(unknownIn(page, known)).toEqual(["kms create-key "]);
});

test("every command that a page names is there", () => {
  const pages = globSync(PAGES, { cwd: programFolder });
  expect(pages.length).toBeGreaterThan(30);
  const faults = pages.flatMap((name) =>
    unknownIn(readFileSync(join(programFolder, name), "utf8"), known).map(
      (words) => `${name}: ./cordon ${words}`,
    ),
  );
  expect(faults).toEqual([]);
});
