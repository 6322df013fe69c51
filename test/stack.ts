/** A whole Cordon for one test file: real processes, free ports, a data folder that goes away. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { programFolder } from "../src/kernel/config.ts";

export type Reply = { readonly code: number; readonly text: string; readonly cookie: string };

export type ApiReply = {
  readonly code: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads answers of every operation.
  readonly result: any;
  readonly error: { readonly reason: string; readonly details: { path: string }[] } | undefined;
};

export type StackOptions = {
  /** Settings that depend on the ports chosen. */
  readonly envOf?: (ports: { httpPort: number }) => Record<string, string>;
  /** Settings beside the ports and the data folder. */
  readonly env?: Readonly<Record<string, string>>;
  /** Settings that name a port of this stack. */
  readonly settings?: (ports: { readonly httpPort: number }) => Readonly<Record<string, string>>;
  /** Small disks: folders below the data folder ("" = itself) on a tmpfs of this size (root). */
  /** The launcher of another copy of the program, run as this user (root may). */
  readonly copy?: { readonly folder: string; readonly user: number };
  readonly disks?: readonly { readonly folder: string; readonly size: string }[];
};

export type Stack = {
  readonly dataFolder: string;
  /** The same folder as this process reaches it, when it is on a disk of its own. */
  readonly seenFolder: string;
  readonly consolePort: number;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly env: Readonly<Record<string, string>>;
  /** The account's administrator, by bearer key. */
  readonly key: string;
  api(method: string, path: string, body?: unknown, key?: string): Promise<ApiReply>;
  /** A request to the gateway. */
  site(
    host: string,
    path: string,
    options?: {
      method?: string;
      body?: string;
      headers?: Record<string, string>;
      localAddress?: string;
    },
  ): Promise<Reply>;
  /** Process id of a child, by name. */
  pid(name: string): Promise<number>;
  status(): Promise<{ name: string; state: string; pid: number; restarts: number }[]>;
  /** Another command of the command line, in the same settings. */
  run(...args: string[]): Promise<CommandResult>;
  stop(): Promise<void>;
};

export type CommandResult = { readonly code: number; readonly text: string };

export const PASSWORD = "correct horse battery staple";
const START_MAX_MS = 90_000;
const BUILD_MAX_MS = 240_000;
const STOP_MAX_MS = 30_000;

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** The environment of the test without any setting of another Cordon. */
function inherited(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith("CORDON_")) kept[name] = value;
  }
  return kept;
}

/** Starts a Cordon, sets up the account `main` and gives its administrator a key. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const { copy } = options;
  const dataFolder = mkdtempSync(join(tmpdir(), "cordon-e2e-"));
  if (copy !== undefined) chownSync(dataFolder, copy.user, copy.user);
  const [consolePort = 0, fleet = 0, httpPort = 0, httpsPort = 0] = await freePorts(4);
  const env = {
    ...inherited(),
    CORDON_DATA: dataFolder,
    CORDON_CONSOLE_PORT: String(consolePort),
    CORDON_FLEET_PORT: String(fleet),
    CORDON_GATEWAY_HTTP_PORT: String(httpPort),
    CORDON_GATEWAY_HTTPS_PORT: String(httpsPort),
    CORDON_GATEWAY_WORKERS: "1",
    ...options.env,
    ...options.settings?.({ httpPort }),
  };
  const main = join(programFolder, "src", "cli", "main.ts");
  const cordon = copy === undefined ? [process.execPath, main] : asUser(copy);
  const disks = options.disks ?? [];
  const [program = "", ...args] = onDisks(dataFolder, disks, [...cordon, "up"]);
  const up = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const seenFolder = disks.length === 0 ? dataFolder : `/proc/${up.pid}/root${dataFolder}`;
  await waitForReady(up, seenFolder);
  const address = { consolePort, httpPort };
  const key = await firstKey(seenFolder, consolePort);
  const enter = disks.length === 0 ? [] : ["nsenter", "--mount", `--target=${up.pid}`];
  const run = (...words: string[]) => command([...enter, ...cordon, ...words], env);
  const status = async () => processesIn((await run("status", "--output", "json")).text);
  return {
    dataFolder,
    seenFolder,
    run,
    consolePort,
    httpPort,
    httpsPort,
    env,
    key,
    api: (method, path, body, other) =>
      api(address.consolePort, { method, path, body, key: other ?? key }),
    site: (host, path, options) => siteRequest(address.httpPort, { host, path, ...options }),
    status,
    async pid(name) {
      return (await status()).find((one) => one.name === name)?.pid ?? 0;
    },
    stop: () => stop(up, dataFolder),
  };
}

function waitForReady(up: ChildProcess, dataFolder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    const late = () => {
      up.kill("SIGINT");
      reject(new Error(`not ready in time:\n${text}`));
    };
    let timer = setTimeout(late, START_MAX_MS);
    let isBuilding = false;
    const take = (chunk: Buffer) => {
      text += chunk.toString("utf8");
      // A console that has to be built first is not what the limit is for.
      if (!isBuilding && /web console\s+(?:installing|building)/.test(text)) {
        isBuilding = true;
        clearTimeout(timer);
        timer = setTimeout(late, START_MAX_MS + BUILD_MAX_MS);
      }
      if (!/Cordon is up|^\s*console\s+https/m.test(text)) return;
      clearTimeout(timer);
      resolve();
    };
    up.stdout?.on("data", take);
    up.stderr?.on("data", take);
    up.once("exit", (code) => {
      clearTimeout(timer);
      const log = join(dataFolder, "logs", "server.log");
      const tail = existsSync(log) ? readFileSync(log, "utf8").slice(-2_000) : "";
      reject(new Error(`up ended with ${code}:\n${text}\n${tail}`));
    });
  });
}

async function stop(up: ChildProcess, dataFolder: string): Promise<void> {
  const ended = new Promise((resolve) => up.once("exit", resolve));
  if (up.exitCode === null) up.kill("SIGINT");
  const timely = await Promise.race([ended.then(() => true), sleep(STOP_MAX_MS, false)]);
  if (timely !== true) up.kill("SIGKILL");
  rmSync(dataFolder, { recursive: true, force: true });
}

/** Processes whose command line names this data folder or whose environment does. */
export function processesOf(dataFolder: string): number[] {
  const found: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environ = readFileSync(`/proc/${name}/environ`, "latin1");
      if (environ.split("\0").includes(`CORDON_DATA=${dataFolder}`)) found.push(Number(name));
    } catch {
      // It ended between the two looks, or belongs to somebody else.
    }
  }
  return found;
}

/** The launcher of a copy as a user without any privilege, whether it has a name or not. */
function asUser({ folder, user }: NonNullable<StackOptions["copy"]>): readonly string[] {
  const drop = [`--reuid=${user}`, `--regid=${user}`, "--clear-groups", "--inh-caps=-all"];
  return ["setpriv", ...drop, "--no-new-privs", join(folder, "cordon")];
}

/** The command in a mount namespace of its own, with small disks under some folders. */
export function onDisks(
  dataFolder: string,
  disks: NonNullable<StackOptions["disks"]>,
  argv: readonly string[],
): readonly string[] {
  if (disks.length === 0) return argv;
  const mounts = disks.map(({ folder, size }) => {
    const place = join(dataFolder, folder);
    return `mkdir -m 700 -p ${place} && mount -t tmpfs -o size=${size},mode=0700 tmpfs ${place}`;
  });
  const script = `${mounts.join(" && ")} && exec "$@"`;
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "up", ...argv];
}

/** True when this user can give a process small disks. */
export function canMountDisks(): boolean {
  if (process.getuid?.() !== 0) return false;
  const [program = "", ...args] = onDisks("/tmp", [{ folder: "", size: "1m" }], ["true"]);
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

/** Runs a command to its end. */
export async function command(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      text += String(chunk);
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code: code ?? -1, text };
}

function processesIn(text: string) {
  const parsed = JSON.parse(text) as { processes?: unknown } | unknown[];
  const list = Array.isArray(parsed) ? parsed : parsed.processes;
  return list as { name: string; state: string; pid: number; restarts: number }[];
}

type ApiRequest = {
  method: string;
  path: string;
  body?: unknown;
  key?: string | undefined;
  headers?: Record<string, string>;
  /** Address of this machine that it comes from. */
  localAddress?: string;
  /** Keeps connections for the next call; without it each call has one of its own. */
  agent?: https.Agent;
};

/** One call of the API over TLS. */
export function rawApi(port: number, request: ApiRequest): Promise<Reply> {
  const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
  return new Promise((resolve, reject) => {
    const outgoing = https.request(
      {
        host: "127.0.0.1",
        port,
        method: request.method,
        path: request.path,
        rejectUnauthorized: false,
        agent: request.agent ?? false,
        ...(request.localAddress === undefined ? {} : { localAddress: request.localAddress }),
        headers: {
          ...(payload === undefined ? {} : { "content-type": "application/json" }),
          ...(request.key === undefined ? {} : { authorization: `Bearer ${request.key}` }),
          ...request.headers,
        },
      },
      (response) => collect(response, resolve, reject),
    );
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}

async function api(port: number, request: ApiRequest): Promise<ApiReply> {
  return apiReply(await rawApi(port, request));
}

/** Reads an answer of the API; a foreign protocol's is not wrapped. */
export function apiReply({ code, text }: Pick<Reply, "code" | "text">): ApiReply {
  const parsed = JSON.parse(text) as Pick<ApiReply, "result" | "error">;
  const result = parsed.result ?? (parsed.error === undefined ? parsed : undefined);
  return { code, result, error: parsed.error };
}

function siteRequest(
  port: number,
  request: {
    host: string;
    path: string;
    method?: string;
    body?: string;
    headers?: Record<string, string>;
    localAddress?: string;
  },
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = http.request(
      {
        host: "127.0.0.1",
        port,
        method: request.method ?? "GET",
        path: request.path,
        agent: false,
        ...(request.localAddress === undefined ? {} : { localAddress: request.localAddress }),
        headers: {
          host: request.host,
          "user-agent": "Mozilla/5.0",
          accept: "*/*",
          ...request.headers,
        },
      },
      (response) => collect(response, resolve, reject),
    );
    outgoing.on("error", reject);
    outgoing.end(request.body);
  });
}

function collect(
  response: http.IncomingMessage,
  resolve: (reply: Reply) => void,
  reject: (error: Error) => void,
): void {
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  response.on("error", reject);
  response.on("end", () =>
    resolve({
      code: response.statusCode ?? 0,
      text: Buffer.concat(chunks).toString("utf8"),
      cookie: response.headers["set-cookie"]?.[0]?.split(";")[0] ?? "",
    }),
  );
}

async function firstKey(dataFolder: string, port: number): Promise<string> {
  const token = readFileSync(join(dataFolder, "run", "setup-token"), "utf8");
  await api(port, {
    method: "POST",
    path: "/v1/account/setup:complete",
    body: { token, accountName: "main", userName: "admin", password: PASSWORD },
  });
  return signInForKey(port, { accountName: "main", userName: "admin", password: PASSWORD });
}

/** Signs in with a password and makes a bearer key for the user. */
export async function signInForKey(
  port: number,
  user: { accountName: string; userName: string; password: string },
): Promise<string> {
  const signedIn = await rawApi(port, {
    method: "POST",
    path: "/v1/iam/session:signIn",
    body: user,
  });
  const { result } = JSON.parse(signedIn.text) as {
    result: { csrfToken: string; caller: { principalId: string } };
  };
  const made = await rawApi(port, {
    method: "POST",
    path: "/v1/iam/bearerKeys",
    body: { userId: result.caller.principalId, name: "test" },
    headers: { cookie: signedIn.cookie, "x-cordon-csrf": result.csrfToken },
  });
  return (JSON.parse(made.text) as { result: { secret: string } }).result.secret;
}

/** Asks until the answer is true; fails with `what` after `withinMs`. */
export async function until(
  what: string,
  ask: () => Promise<boolean>,
  withinMs = 15_000,
): Promise<void> {
  const end = Date.now() + withinMs;
  while (Date.now() < end) {
    if (await ask().catch(() => false)) return;
    await sleep(100);
  }
  throw new Error(`Waited ${withinMs} ms for: ${what}`);
}
