/**
 * Adds to package-lock.json the optional packages of other platforms that the registry in use did
 * not offer when the lockfile was made. `npm ci` refuses a lockfile without them, although it would
 * never install them here. Run after `npm install --package-lock-only`.
 */
import { readFileSync, writeFileSync } from "node:fs";

type Entry = {
  version?: string;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  license?: string;
  optionalDependencies?: Record<string, string>;
};
type Lockfile = { packages: Record<string, Entry> };

const SYSTEMS = [
  "linux",
  "darwin",
  "win32",
  "android",
  "freebsd",
  "openbsd",
  "openharmony",
  "wasm32",
];
const PROCESSORS = ["arm64", "x64", "arm", "ia32", "riscv64", "ppc64", "s390x", "loong64"];

/** The entry of a platform package, as far as its name tells. */
function entryFor(name: string, version: string): Entry {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor));
  const libc = words.includes("musl") ? ["musl"] : words.includes("gnu") ? ["glibc"] : [];
  return {
    version,
    optional: true,
    os: os.length > 0 ? os : ["none"],
    cpu: cpu.length > 0 ? cpu : ["none"],
    ...(libc.length > 0 && os.includes("linux") ? { libc } : {}),
  };
}

const file = process.argv[2] ?? "package-lock.json";
const lock = JSON.parse(readFileSync(file, "utf8")) as Lockfile;
let added = 0;
for (const entry of Object.values(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`;
    const exact = /^[~^]?(\d+\.\d+\.\d+[\w.+-]*)$/.exec(range)?.[1];
    if (lock.packages[path] !== undefined || exact === undefined) continue;
    lock.packages[path] = entryFor(name, exact);
    added += 1;
  }
}
const sorted = Object.fromEntries(
  Object.entries(lock.packages).sort(([left], [right]) => (left < right ? -1 : 1)),
);
writeFileSync(file, `${JSON.stringify({ ...lock, packages: sorted }, undefined, 2)}\n`);
process.stdout.write(`${added} packages of other platforms added\n`);
