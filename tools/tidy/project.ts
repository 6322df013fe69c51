/** Rules about the project as a whole: services, pure domains, documents, and foreign places. */
import { blank } from "./blank.ts";
import type { Fault, Tree } from "./tree.ts";

const SERVICE_FILES = ["README.md", "contract.ts", "domain.ts", "service.ts", "store.ts"];

/** Each service is a folder with the same files, its promises tested in `<name>.test.ts`. */
export function serviceFiles(tree: Tree): readonly Fault[] {
  const names = [...tree.keys()].flatMap(
    (path) => /^src\/services\/([^/]+)\//.exec(path)?.[1] ?? [],
  );
  return [...new Set(names)].flatMap((name) =>
    [...SERVICE_FILES, `${name}.test.ts`]
      .map((file) => `src/services/${name}/${file}`)
      .filter((path) => !tree.has(path))
      .map((path) => ({ path, message: "is missing" })),
  );
}

const IMPURE: readonly (readonly [RegExp, string])[] = [
  [/\bawait\b/, "await"],
  [/\bDate\.now\b|\bnew Date\(\)/, "the clock"],
  [/\bMath\.random\b/, "randomness"],
  [/\bprocess\.env\b/, "the environment"],
  [/from\s*"node:/, "a module of Node"],
];

/** A domain is a function of state, command and time. */
export function pureDomain(tree: Tree): readonly Fault[] {
  return [...tree]
    .filter(([path]) => /^src\/services\/[^/]+\/domain(?:\.ts|\/.*\.ts)$/.test(path))
    .filter(([path]) => !path.endsWith(".test.ts"))
    .flatMap(([path, text]) => {
      const code = blank(text, { keepStrings: true });
      return IMPURE.filter(([pattern]) => pattern.test(code)).map(([, name]) => ({
        path,
        message: `uses ${name}`,
      }));
    });
}

export function decisionNumbers(tree: Tree): readonly Fault[] {
  const owners = new Map<string, string>();
  return [...tree.keys()].toSorted().flatMap((path) => {
    const file = /^docs\/decisions\/([^/]+\.md)$/.exec(path)?.[1];
    if (file === undefined || file === "README.md") return [];
    const number = /^(\d{4})-/.exec(file)?.[1];
    if (number === undefined) return [{ path, message: "its name has no number of four digits" }];
    const owner = owners.get(number);
    if (owner !== undefined) return [{ path, message: `${number} is taken by ${owner}` }];
    owners.set(number, path);
    return [];
  });
}

/** A document has one title; what stands in fenced blocks is not counted. */
export function oneTitle(tree: Tree): readonly Fault[] {
  return [...tree]
    .filter(([path]) => path.endsWith(".md"))
    .flatMap(([path, text]) => {
      const prose = text.replace(/^(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1[^\n]*$/gm, "");
      const titles = prose.match(/^# \S/gm)?.length ?? 0;
      return titles === 1 ? [] : [{ path, message: `${titles} titles, exactly one is wanted` }];
    });
}

// Built from pieces, so that this file does not contain what it looks for.
const FOREIGN = [
  ["/wo", "rk/"],
  ["/tmp/", "n24"],
  ["/ro", "ot/[a-z]+/cordon"],
  ["registry\\.", "npmjs\\."],
  ["registry\\.", "npmmirror\\."],
  ["arti", "factory"],
  ["deb\\.", "debian\\.org"],
].map((pieces) => new RegExp(pieces.join(""), "i"));

/** Paths of one machine and names of package registries: the project is built anywhere. */
export function foreignPlaces(tree: Tree): readonly Fault[] {
  return [...tree].flatMap(([path, text]) =>
    text.split("\n").flatMap((line, index) => {
      const found = FOREIGN.map((pattern) => pattern.exec(line)?.[0]).find(Boolean);
      return found === undefined ? [] : [{ path, message: `line ${index + 1}: names ${found}` }];
    }),
  );
}
