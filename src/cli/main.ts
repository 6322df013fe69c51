/**
 * Entry of the command line: finds the command and turns its outcome into an exit status. Commands
 * are loaded when asked for; what a contract can generate is in `operations.ts`.
 */
import { EXIT, type ExitStatus } from "./exit.ts";
import { HELP } from "./help.ts";

type Command = (args: readonly string[]) => Promise<ExitStatus>;

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  up: async () => (await import("./up/command.ts")).up,
  down: async () => (await import("./down.ts")).down,
  status: async () => (await import("./status.ts")).status,
  logs: async () => (await import("./logs.ts")).logs,
  version: async () => (await import("./version.ts")).version,
  setup: async () => (await import("./sign-in.ts")).setup,
  "sign-in": async () => (await import("./sign-in.ts")).signIn,
};

/** Commands written by other parts: the file, its export, and the words that choose it. */
const ELSEWHERE: readonly { words: readonly string[]; file: string; name: string }[] = [
  { words: ["doctor"], file: "./doctor.ts", name: "doctor" },
  { words: ["test"], file: "./test.ts", name: "test" },
  { words: ["demo"], file: "./demo.ts", name: "demo" },
  { words: ["bench"], file: "./bench.ts", name: "bench" },
  { words: ["audit", "verify"], file: "./audit-verify.ts", name: "auditVerify" },
  { words: ["explain", "request"], file: "./explain.ts", name: "explainRequest" },
  { words: ["keys", "status"], file: "./keys.ts", name: "keysStatus" },
  { words: ["keys", "unseal"], file: "./keys.ts", name: "keysUnseal" },
  { words: ["keys", "set-passphrase"], file: "./keys.ts", name: "keysSetPassphrase" },
  { words: ["keys", "recovery-shares"], file: "./keys.ts", name: "keysRecoveryShares" },
  { words: ["keys", "accept-restored"], file: "./keys.ts", name: "keysAcceptRestored" },
  { words: ["keys", "move-root"], file: "./keys.ts", name: "keysMoveRoot" },
  { words: ["keys", "recover"], file: "./keys.ts", name: "keysRecover" },
  { words: ["backup", "create"], file: "./backup.ts", name: "backupCreate" },
  { words: ["backup", "verify"], file: "./backup.ts", name: "backupVerify" },
  { words: ["backup", "restore"], file: "./backup.ts", name: "backupRestore" },
  { words: ["encrypt"], file: "./encrypt.ts", name: "encrypt" },
  { words: ["decrypt"], file: "./encrypt.ts", name: "decrypt" },
  { words: ["upgrade"], file: "./upgrade.ts", name: "upgrade" },
  { words: ["config", "check"], file: "./config-check.ts", name: "configCheck" },
  { words: ["support", "dump"], file: "./support-dump.ts", name: "supportDump" },
  { words: ["admin", "recover"], file: "./admin-recover.ts", name: "adminRecover" },
  {
    words: ["conformance", "wycheproof"],
    file: "./conformance-wycheproof.ts",
    name: "conformanceWycheproof",
  },
  { words: ["waf", "ruleset", "import"], file: "./ruleset-import.ts", name: "rulesetImport" },
  {
    words: ["waf", "geo-database", "import"],
    file: "./geo-database-import.ts",
    name: "geoDatabaseImport",
  },
  { words: ["conformance", "crs"], file: "./conformance-crs.ts", name: "conformanceCrs" },
];

async function main(args: readonly string[]): Promise<ExitStatus> {
  const [word = "help", ...rest] = args;
  if (word === "help" || word === "--help" || word === "-h") {
    process.stdout.write(HELP);
    return EXIT.ok;
  }
  const known = COMMANDS[word === "--version" ? "version" : word];
  if (known !== undefined) return (await known())(rest);
  for (const { words, file, name } of ELSEWHERE) {
    if (!words.every((part, index) => args[index] === part)) continue;
    return (await load(file, name))(args.slice(words.length));
  }
  return (await load("./operations.ts", "operations"))(args);
}

/** A command of a file that may not be part of this build. */
async function load(file: string, name: string): Promise<Command> {
  const module: unknown = await import(file);
  const command = new Map(Object.entries(module ?? {})).get(name);
  if (typeof command !== "function") throw new Error(`Cannot find ${name} in ${file}`);
  return async (args) => command(args);
}

async function run(): Promise<void> {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    process.exitCode = (await import("./failure.ts")).printFailure(error);
  }
  // A command that leaves a handle open would hang the shell; output is flushed by then.
  process.stdout.write("", () => process.exit());
}

await run();
