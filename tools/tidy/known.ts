/** What the tree still breaks, by rule and file; an entry no longer needed is a fault. */

export type Known = { readonly rule: string; readonly path: string };

export const KNOWN: readonly Known[] = [
  { rule: "import cycles", path: "src/daemons/gateway/event.ts" },
  { rule: "import cycles", path: "src/engines/regex/escapes.ts" },
  { rule: "import cycles", path: "src/engines/seclang/compiled.ts" },
  { rule: "line length", path: "src/daemons/gateway/intent-file.ts" },
  { rule: "line length", path: "src/daemons/gateway/limits.ts" },
  { rule: "line length", path: "src/daemons/gateway/main.ts" },
  { rule: "line length", path: "src/daemons/gateway/master.ts" },
  { rule: "line length", path: "src/engines/injection/sql-token.ts" },
  { rule: "line length", path: "src/engines/injection/sql-words.ts" },
  { rule: "line length", path: "src/engines/regex/backtrack.ts" },
  { rule: "strict types", path: "test/stack.ts" },
  { rule: "service files", path: "src/services/account/account.test.ts" },
  { rule: "service files", path: "src/services/audit/audit.test.ts" },
  { rule: "service files", path: "src/services/events/events.test.ts" },
  { rule: "service files", path: "src/services/fleet/fleet.test.ts" },
  { rule: "service files", path: "src/services/iam/iam.test.ts" },
  { rule: "service files", path: "src/services/incident/incident.test.ts" },
  { rule: "service files", path: "src/services/waf/waf.test.ts" },
  { rule: "function length", path: "console/src/resource/resource-table.tsx" },
  { rule: "function length", path: "bench/waf.bench.ts" },
];
