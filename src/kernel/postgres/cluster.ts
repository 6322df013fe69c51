/**
 * The embedded database cluster on disk: made once, checked at every start. It neither starts nor
 * stops the server; that is `server.ts`.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { StartError } from "../process/daemon.ts";
import { EMBEDDED_MAJOR, type PostgresBinaries } from "./binaries.ts";
import { commandAs, giveFolder, letPass, type RunAs, userOf } from "./run-as.ts";

/**
 * The role and database of Cordon. The role owns the database and is no superuser; it makes the two
 * roles that row-level security is written for.
 */
export const ROLE = "cordon";
export const DATABASE = "cordon";

const SETUP_MAX_MS = 120_000;
const OUTPUT_BYTES_MAX = 64 * 1024;
const PASSWORD_BYTES = 32;
/** No TCP, and a password even on the socket: under a user namespace peer names are mapped. */
const CLIENT_AUTHENTICATION = "local all all scram-sha-256\n";

export type Embedded = {
  readonly config: Config;
  readonly binaries: PostgresBinaries;
  readonly runAs: RunAs;
};

/** Where the password of the role is kept (mode 0600). */
export function passwordFile(config: Config): string {
  return join(config.folders.keys, "postgres");
}

/** @throws StartError when the cluster was not made yet. */
export function readPassword(config: Config): string {
  const file = passwordFile(config);
  if (!existsSync(file)) {
    throw new StartError(`Cannot read the database password: ${file} is missing`, {
      fix: "run ./cordon up; it makes a new one",
    });
  }
  return readFileSync(file, "utf8").trim();
}

/**
 * Makes the cluster when there is none, and sees that the role can sign in.
 *
 * INVARIANT: `folders.postgres` exists only when whole: it is made aside and renamed.
 *
 * @throws StartError when the cluster is of another major version or cannot be made.
 */
export async function prepareCluster(embedded: Embedded): Promise<void> {
  const { config, runAs } = embedded;
  const { postgres, keys, run } = config.folders;
  mkdirSync(keys, { recursive: true, mode: 0o700 });
  mkdirSync(socketFolder(config), { recursive: true, mode: 0o700 });
  letPass(runAs, [config.dataFolder, run]);
  giveFolder(runAs, socketFolder(config));
  if (existsSync(postgres)) {
    checkMajor(postgres);
    giveFolder(runAs, postgres);
    if (!existsSync(passwordFile(config))) await setPassword(embedded, postgres);
    return;
  }
  const aside = `${postgres}.new`;
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(aside, { mode: 0o700 });
  giveFolder(runAs, aside);
  await runProgram(embedded, [
    embedded.binaries.initdb,
    `--pgdata=${aside}`,
    "--username=postgres",
    "--auth=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--data-checksums",
  ]);
  writeFileSync(join(aside, "pg_hba.conf"), CLIENT_AUTHENTICATION);
  await setPassword(embedded, aside);
  renameSync(aside, postgres);
  syncFolder(config.dataFolder);
}

/** The folder of the server's socket. */
export function socketFolder(config: Config): string {
  return join(config.folders.run, "postgres");
}

/**
 * Sets a new password for the role, in single-user mode: no server runs, no other password is
 * needed, and nothing is visible in the process list.
 */
async function setPassword(embedded: Embedded, folder: string): Promise<void> {
  const password = randomBytes(PASSWORD_BYTES).toString("hex");
  const first = folder.endsWith(".new");
  const verb = first ? `CREATE ROLE ${ROLE} LOGIN CREATEROLE` : `ALTER ROLE ${ROLE}`;
  const statements = [`${verb} PASSWORD '${password}'`];
  if (first) {
    statements.push(
      `CREATE DATABASE ${DATABASE} OWNER ${ROLE}`,
      "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC",
    );
  }
  await runProgram(
    embedded,
    [embedded.binaries.postgres, "--single", "-j", "-D", folder, "postgres"],
    // With -j a statement ends at a semicolon and an empty line.
    statements.map((statement) => `${statement};\n\n`).join(""),
  );
  writeDurably(passwordFile(embedded.config), `${password}\n`);
}

function checkMajor(folder: string): void {
  const file = join(folder, "PG_VERSION");
  const major = existsSync(file) ? readFileSync(file, "utf8").trim() : "none";
  if (major === String(EMBEDDED_MAJOR)) return;
  throw new StartError(
    `Cannot open the database in ${folder}: it is of PostgreSQL ${major}, wanted ${EMBEDDED_MAJOR}`,
    {
      fix: "start it with the Cordon version that made it, or choose another CORDON_DATA folder",
      permanent: true,
    },
  );
}

function writeDurably(file: string, text: string): void {
  const aside = `${file}.new`;
  const descriptor = openSync(aside, "w", 0o600);
  writeSync(descriptor, text);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(aside, file);
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** Runs one of PostgreSQL's programs to its end; its output is the error's text. */
function runProgram(
  embedded: Embedded,
  argv: readonly [string, ...string[]],
  input = "",
): Promise<void> {
  const [program, ...args] = commandAs(embedded.runAs, argv);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(program, args, {
    ...userOf(embedded.runAs),
    cwd: "/",
    env: { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", TZ: "UTC" },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: SETUP_MAX_MS,
  });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString("utf8")).slice(-OUTPUT_BYTES_MAX);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  child.on("error", (error) => reject(setupError(argv[0], error.message)));
  child.on("close", (code) => {
    // Single-user mode ends with 0 even when a statement failed.
    if (code === 0 && !/^.*(ERROR|FATAL|PANIC): /m.test(output)) resolve();
    else reject(setupError(argv[0], output.trim()));
  });
  return promise;
}

function setupError(program: string, output: string): StartError {
  return new StartError(`Cannot make the database: ${program} failed: ${output}`, {
    fix: "see ./cordon doctor; an external database is used with CORDON_DATABASE_URL",
  });
}
