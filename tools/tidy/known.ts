/** What the tree still breaks, by rule and file; an entry no longer needed is a fault. */

export type Known = { readonly rule: string; readonly path: string };

export const KNOWN: readonly Known[] = [
  { rule: "import cycles", path: "src/daemons/gateway/event.ts" },
  { rule: "import cycles", path: "src/engines/regex/escapes.ts" },
  { rule: "import cycles", path: "src/engines/seclang/compiled.ts" },
  { rule: "line length", path: "src/engines/injection/sql-token.ts" },
  { rule: "line length", path: "src/engines/injection/sql-words.ts" },
  { rule: "strict types", path: "test/stack.ts" },
  { rule: "function length", path: "src/daemons/keyd/account-keys.ts" },
  { rule: "function length", path: "src/daemons/keyd/head-record.ts" },
  { rule: "function length", path: "src/daemons/keyd/key-versions.ts" },
  { rule: "function length", path: "src/daemons/keyd/software-root.ts" },
];
