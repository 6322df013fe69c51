/** Prints the CPU of engines/regex over V8's RegExp on short values, for typical rule patterns. */
import { compilePattern } from "../src/engines/regex/pattern.ts";
import { printRow } from "./row.ts";

const ROUNDS = 200_000;
const PATTERNS = [
  "^[\\w/.+-]+(?:\\s?;\\s?(?:action|boundary|charset|type)\\s?=\\s?['\"\\w.()+,/:=?<>@-]+)*$",
  "(?:\\.\\./|\\.\\.\\\\)+",
  "\\b(?:union|select|insert|update)\\b.{1,100}?\\bfrom\\b",
  "<script[^>]*>[\\s\\S]*?",
  "[\\n\\r]",
  "(?:;|\\||&&|`)\\s*(?:wget|curl|nc|bash)\\b",
];
const VALUES = [
  "q=hello+world&lang=en",
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36",
  "application/x-www-form-urlencoded; charset=utf-8",
  "1 union all select name from users",
];

function cpuMicros(run: (value: string) => boolean): number {
  for (let i = 0; i < 2_000; i++) run(VALUES[i % VALUES.length] ?? "");
  const before = process.cpuUsage();
  for (let i = 0; i < ROUNDS; i++) run(VALUES[i % VALUES.length] ?? "");
  const used = process.cpuUsage(before);
  return (used.user + used.system) / ROUNDS;
}

for (const source of PATTERNS) {
  const flags = { dotAll: true, multiline: false, ignoreCase: false };
  const ours = compilePattern(source, flags);
  const native = new RegExp(source, "s");
  const a = cpuMicros((value) => ours.test(value));
  const b = cpuMicros((value) => native.test(value));
  printRow({
    bench: "regex",
    what: source,
    value: a,
    unit: "µs CPU per value",
    peer: { name: "RegExp", value: b },
    ratio: a / b,
  });
}
