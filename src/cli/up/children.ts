/** The processes of Cordon as data: what runs, in which order, with which limits. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, configEnvironment, programFolder } from "../../kernel/config.ts";
import { postgresChild } from "../../kernel/postgres/server.ts";
import type { ChildSpec } from "../../kernel/process/child.ts";

/** Variables of the operator's environment that a daemon may see; those of HSM vendors' modules. */
const PASSED_ON = new RegExp(
  "^(?:PATH|HOME|USER|LANG|LC_\\w+|TZ|TMPDIR|NODE_EXTRA_CA_CERTS|CORDON_\\w+|SOFTHSM2_CONF|" +
    "YUBIHSM_PKCS11_CONF|ChrystokiConfigurationPath|CS_PKCS11_R[23]_CFG|CLOUDHSM_\\w+)$",
);

type DaemonSpec = {
  readonly name: string;
  readonly file: string;
  readonly needs: readonly string[];
  /** Limit of the JavaScript heap in MiB. */
  readonly heapMebibytes: number;
  readonly rootOnly?: boolean;
  /** Further flags of Node. */
  readonly flags?: readonly string[];
};

const DAEMONS: readonly DaemonSpec[] = [
  {
    name: "keyd",
    file: "src/daemons/keyd/main.ts",
    needs: [],
    heapMebibytes: 256,
    // Without it, a signal of its own user would open Node's debugger, and with it every key.
    flags: ["--disable-sigusr1"],
  },
  { name: "lake", file: "src/daemons/lake/main.ts", needs: [], heapMebibytes: 512 },
  {
    name: "server",
    file: "src/app.ts",
    needs: ["keyd", "lake"],
    heapMebibytes: 768,
    // Bodies are bytes outside the heap, and V8 counts them to its old part: with a heap of 50 MiB
    // it marked all of it anew after a few hundred calls of 4 KB, 10 % of the server's time.
    flags: ["--initial-old-space-size=192"],
  },
  { name: "gateway", file: "src/daemons/gateway/main.ts", needs: ["server"], heapMebibytes: 512 },
  {
    name: "netd",
    file: "src/daemons/netd/main.ts",
    needs: ["server"],
    heapMebibytes: 128,
    rootOnly: true,
  },
];

/**
 * All children for this configuration, in the order of starting.
 *
 * @throws StartError when PostgreSQL cannot run here.
 */
export function cordonChildren(config: Config): readonly ChildSpec[] {
  const database = config.databaseUrl === undefined ? [postgresChild(config)] : [];
  const daemons = DAEMONS.filter((daemon) => daemon.rootOnly !== true || netdRuns(daemon.file))
    // One that is shared is started by whoever owns it.
    .filter(({ name }) => name !== "keyd" || config.keydSocket === undefined);
  return [
    ...database,
    ...daemons.map((daemon) => {
      const child = nodeChild(config, daemon);
      const needs = daemon.name === "server" ? database.map(({ name }) => name) : [];
      const own = child.needs.filter((need) => daemons.some(({ name }) => name === need));
      return { ...child, needs: [...own, ...needs] };
    }),
  ];
}

/** A daemon of Cordon as a child: this very Node, the same settings, a limited heap. */
export function nodeChild(config: Config, daemon: DaemonSpec): ChildSpec {
  return {
    name: daemon.name,
    argv: [
      process.execPath,
      `--max-old-space-size=${daemon.heapMebibytes}`,
      ...(daemon.flags ?? []),
      join(programFolder, daemon.file),
    ],
    env: childEnvironment(config, process.env),
    cwd: programFolder,
    needs: daemon.needs,
    ready: "message",
  };
}

export function childEnvironment(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const passed = Object.entries(env).flatMap(([name, value]) =>
    PASSED_ON.test(name) && value !== undefined ? [[name, value] as const] : [],
  );
  return {
    ...Object.fromEntries(passed),
    ...configEnvironment(config),
    // Compiled code is kept between starts; stripping types costs most of a warm start.
    NODE_COMPILE_CACHE: join(config.folders.run, "compile-cache"),
  };
}

function netdRuns(file: string): boolean {
  return process.getuid?.() === 0 && existsSync(join(programFolder, file));
}
