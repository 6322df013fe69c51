/** The import rule: which layer may import which, and no cycles (the map of ARCHITECTURE.md). */
import { posix } from "node:path";
import { blank } from "./blank.ts";
import { eachCode, type Fault, isCode, isTest, type Tree } from "./tree.ts";

const IMPORT = /(?<!["'])\b(?:from|import)\s*\(?\s*"([^"]+)"/g;
const ENGINE_PACKAGES = new Set([
  ...["node:crypto", "node:buffer", "node:zlib", "ipaddr.js", "reflect-metadata"],
  ...["@peculiar/x509", "@peculiar/asn1-ocsp", "@peculiar/asn1-schema", "@peculiar/asn1-x509"],
]);

/** Files an import names: paths inside the project, or package names as they are written. */
export function importsOf(path: string, text: string): readonly string[] {
  const code = blank(text, { keepStrings: true });
  return [...code.matchAll(IMPORT)].map(([, name = ""]) =>
    name.startsWith(".") ? posix.join(posix.dirname(path), name) : name,
  );
}

type Layer = { readonly name: string; readonly part: string };

function layerOf(path: string): Layer {
  const [top = "", second = "", third = ""] = path.split("/");
  if (top !== "src") return { name: top, part: "" };
  if (path === "src/app.ts" || path === "src/catalog.ts") return { name: second, part: "" };
  return { name: second, part: third };
}

/** For each layer, the layers whose every file it may import, besides its own part. */
const OPEN: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  engines: ["lib", "engines"],
  kernel: ["lib", "engines", "kernel"],
  services: ["lib", "engines", "kernel"],
  daemons: ["lib", "engines", "kernel"],
  // The conformance runner drives the engines without a gateway.
  cli: ["lib", "engines", "kernel", "cli", "catalog.ts", "examples", "packages"],
  console: ["lib", "kernel", "console", "catalog.ts"],
  "catalog.ts": ["lib", "kernel"],
};
const CONTRACTS = new Set(["services", "daemons", "cli", "console", "catalog.ts"]);

/** What is published alone has Node's modules and its own files, nothing else. */
function isOfPackage(from: string, to: string): boolean {
  const folder = from.split("/").slice(0, 2).join("/");
  return to.startsWith("node:") || to.startsWith(`${folder}/`);
}

/** Why `from` may not import `to`, or undefined when it may. */
function refusal(from: string, to: string): string | undefined {
  if (to === "src/app.ts") return "nothing imports src/app.ts";
  if (to.startsWith("src/app/") && !from.startsWith("src/app"))
    return "only src/app.ts imports src/app/";
  const own = layerOf(from);
  if (own.name === "packages" && !isTest(from)) {
    return isOfPackage(from, to) ? undefined : `a package of its own may not import ${to}`;
  }
  const open = OPEN[own.name];
  if (open === undefined || isTest(from)) return undefined;
  const isPackage =
    !to.includes("/") || !/^(?:src|console|tools|test|bench|examples|packages)\//.test(to);
  if (isPackage) {
    if (own.name === "lib") return `lib imports nothing, not ${to}`;
    if (own.name === "engines" && !ENGINE_PACKAGES.has(to)) return `engines may not import ${to}`;
    return undefined;
  }
  const other = layerOf(to);
  if (open.includes(other.name)) return undefined;
  if (own.name === other.name && own.part === other.part) return undefined;
  const isContract = other.name === "services" && to.endsWith("/contract.ts");
  if (isContract && CONTRACTS.has(own.name)) return undefined;
  return `${own.name} may not import ${to}`;
}

export function importRule(tree: Tree): readonly Fault[] {
  return eachCode(tree, (text, path) =>
    importsOf(path, text).flatMap((to) => refusal(path, to) ?? []),
  );
}

/** Files that reach themselves through imports; one fault per knot, at its first file. */
export function importCycles(tree: Tree): readonly Fault[] {
  const graph = new Map<string, readonly string[]>();
  for (const [path, text] of tree)
    if (isCode(path))
      graph.set(
        path,
        importsOf(path, text).filter((to) => tree.has(to)),
      );
  const seen = new Set<string>();
  const faults: Fault[] = [];
  for (const path of [...graph.keys()].toSorted()) {
    if (seen.has(path)) continue;
    const way = wayBack(graph, path);
    if (way === undefined) continue;
    for (const member of way) seen.add(member);
    faults.push({ path, message: `import cycle: ${[...way, path].join(" → ")}` });
  }
  return faults;
}

/** The shortest way from a file back to itself (breadth first). */
function wayBack(
  graph: ReadonlyMap<string, readonly string[]>,
  start: string,
): readonly string[] | undefined {
  const reached = new Set<string>();
  let ways: (readonly string[])[] = [[start]];
  while (ways.length > 0) {
    const next: (readonly string[])[] = [];
    for (const way of ways) {
      for (const to of graph.get(way.at(-1) ?? "") ?? []) {
        if (to === start) return way;
        if (reached.has(to)) continue;
        reached.add(to);
        next.push([...way, to]);
      }
    }
    ways = next;
  }
  return undefined;
}
