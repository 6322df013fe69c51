/** Starts what is measured: the gateway, nginx with libmodsecurity, Coraza, and the origin. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { get } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { intentOf as intentOfSites, siteFor } from "../../src/daemons/gateway/test-kit.ts";
import { programFolder } from "../../src/kernel/config.ts";
import { setupFileOf } from "../../src/kernel/rules/load.ts";
import { freePorts } from "../../test/stack.ts";
import { HOST } from "./cases.ts";
import type { ProxyProcess } from "./load.ts";

const READY_MS_MAX = 60_000;

/** Everything started, to be stopped in the end. */
export type Started = { readonly folder: string; readonly children: ChildProcess[] };

export async function waitFor(port: number): Promise<void> {
  for (const end = Date.now() + READY_MS_MAX; Date.now() < end; await sleep(50)) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (isUp) return;
  }
  throw new Error(`Cannot reach port ${port}: nothing listens`);
}

/** The gateway answers 404 for every name until its first intent is in force. */
async function waitForSite(port: number): Promise<void> {
  for (const end = Date.now() + READY_MS_MAX; Date.now() < end; await sleep(50)) {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      get({ host: "127.0.0.1", port, headers: { Host: HOST } }, (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode));
      }).on("error", reject);
    });
    if (status !== 404) return;
  }
  throw new Error(`Cannot reach ${HOST} at port ${port}: no such site`);
}

function startNginx(started: Started, name: string, parts: { main: string; server: string }) {
  const { folder } = started;
  const file = join(folder, `${name}.conf`);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((path) => `${path}_temp_path ${folder}/${name}-${path};`)
    .join(" ");
  const main =
    `${parts.main} daemon off; master_process off; pid ${folder}/${name}.pid;` +
    ` error_log ${folder}/${name}.log crit; events { worker_connections 1024; }`;
  const http = `keepalive_requests 100000000; client_max_body_size 20m; ${paths}`;
  writeFileSync(file, `${main}\nhttp { ${http} ${parts.server} }`);
  const child = spawn("nginx", ["-p", folder, "-c", file], { stdio: "ignore" });
  started.children.push(child);
  return child.pid ?? 0;
}

/** A server that answers each request with one short line. */
export async function startOrigin(started: Started): Promise<number> {
  const [port = 0] = await freePorts(1);
  const answer = `location / { return 200 "hello, this is the page"; }`;
  startNginx(started, "origin", {
    main: "",
    server: `access_log off; server { listen 127.0.0.1:${port}; ${answer} }`,
  });
  await waitFor(port);
  return port;
}

const MODULES = "/usr/lib/nginx/modules";

/** What our event tells of a request without rules, as far as nginx knows it. */
const accessLog = (folder: string): string =>
  `log_format event escape=json '{${[
    '"time":"$msec","remote":"$remote_addr","port":"$remote_port","server":"$server_addr"',
    '"serverPort":"$server_port","host":"$host","id":"$request_id","method":"$request_method"',
    '"url":"$request_uri","protocol":"$server_protocol","agent":"$http_user_agent"',
    '"requestBytes":"$request_length","status":"$status","bytes":"$body_bytes_sent"',
    '"seconds":"$request_time","upstream":"$upstream_addr","scheme":"$scheme"',
  ].join(",")}}'; access_log ${folder}/access.log event;`;

export type NginxOptions = {
  readonly originPort: number;
  /** Folder of the rules that libmodsecurity applies. */
  readonly rules?: string;
  /** Whether it writes a line for each request; default: no. */
  readonly logs?: boolean;
};

/** nginx as a proxy, with libmodsecurity and these rules, or plain without. */
export async function startNginxProxy(
  started: Started,
  { originPort, rules, logs = false }: NginxOptions,
): Promise<ProxyProcess> {
  const [port = 0] = await freePorts(1);
  const plain = logs ? "nginx-with-access-log" : "nginx";
  const name = rules === undefined ? plain : "libmodsecurity";
  const modules = ["ndk_http_module.so", "ngx_http_modsecurity_module.so"]
    .map((file) => join(MODULES, file))
    .filter((file) => rules !== undefined && existsSync(file))
    .map((file) => `load_module ${file};`)
    .join(" ");
  let modsecurity = "";
  if (rules !== undefined) {
    const file = join(started.folder, "modsecurity.conf");
    writeFileSync(file, ["Include /etc/nginx/modsecurity.conf", ...directives(rules)].join("\n"));
    modsecurity = `modsecurity on; modsecurity_rules_file ${file};`;
  }
  const proxying =
    'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;' +
    " proxy_set_header X-Forwarded-For $remote_addr;";
  const keepalive = "keepalive 64; keepalive_requests 100000000;";
  const pool = `upstream o { server 127.0.0.1:${originPort}; ${keepalive} }`;
  const log = logs ? accessLog(started.folder) : "access_log off;";
  const pid = startNginx(started, name, {
    main: modules,
    server: `${log} ${pool} server { listen 127.0.0.1:${port}; ${modsecurity} location / { proxy_pass http://o; ${proxying} } }`,
  });
  await waitFor(port);
  return { name, pid, port };
}

/** The rules with their own settings, blocking, without an audit log. */
function directives(rules: string): string[] {
  const files = readdirSync(rules).filter((name) => name.endsWith(".conf"));
  return [
    "SecRuleEngine On",
    "SecAuditEngine Off",
    `Include ${setupFileOf(rules)}`,
    ...files.sort().map((name) => `Include ${rules}/${name}`),
    "",
  ];
}

/** Builds Coraza's proxy; null where Go is not installed, or its modules cannot be had. */
export function buildCoraza(folder: string): string | null {
  const given = process.env.CORDON_BENCH_CORAZA;
  if (given !== undefined) return existsSync(given) ? given : null;
  const program = join(folder, "coraza-proxy");
  const options = { cwd: join(programFolder, "bench", "coraza-proxy"), stdio: "ignore" } as const;
  const { status } = spawnSync("go", ["build", "-o", program, "."], options);
  return status === 0 ? program : null;
}

export async function startCoraza(
  started: Started,
  program: string,
  { originPort, rules }: { originPort: number; rules: string },
): Promise<ProxyProcess> {
  const [port = 0] = await freePorts(1);
  const file = join(started.folder, "coraza.conf");
  const engine = readFileSync(join(programFolder, "content", "waf", "engine.conf"), "latin1");
  writeFileSync(file, [engine, ...directives(rules)].join("\n"));
  const args = [`127.0.0.1:${port}`, `http://127.0.0.1:${originPort}`, file];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  started.children.push(child);
  await waitFor(port);
  return { name: "coraza", pid: child.pid ?? 0, port };
}

export type GatewayOptions = {
  readonly originPort: number;
  readonly mode: "block" | "off";
  readonly rules: string;
  readonly workers: number;
  readonly sites: number;
};

/** A gateway, its workers' processes, and what makes it read its intent again. */
export type GatewayProxy = ProxyProcess & {
  readonly workers: readonly number[];
  /** The master and all its workers, as they run now: the port is open before the last is there. */
  readonly processes: () => readonly number[];
  /** Applies the same sites with the rules of another folder. */
  readonly reload: (version: number, rules: string) => void;
};

export async function startGateway(
  started: Started,
  name: string,
  options: GatewayOptions,
): Promise<GatewayProxy> {
  const [httpPort = 0, httpsPort = 0] = await freePorts(2);
  const folder = join(started.folder, name);
  mkdirSync(folder);
  const intent = join(folder, "intent.json");
  const write = (version: number, rules: string): void =>
    writeFileSync(intent, intentOf({ ...options, rules }, version));
  write(1, options.rules);
  const env = {
    ...process.env,
    CORDON_DATA: folder,
    CORDON_GATEWAY_HTTP_PORT: String(httpPort),
    CORDON_GATEWAY_HTTPS_PORT: String(httpsPort),
    CORDON_GATEWAY_WORKERS: String(options.workers),
    // As `up` starts it; full from the second gateway on.
    NODE_COMPILE_CACHE: join(started.folder, "compile-cache"),
  };
  const program = join(programFolder, "src/daemons/gateway/main.ts");
  const gateway = spawn(process.execPath, [program, "--intent", intent], {
    env,
    stdio: ["ignore", "ignore", "inherit"],
  });
  started.children.push(gateway);
  await waitFor(httpPort);
  await waitForSite(httpPort);
  const workers = childrenOf(gateway.pid ?? 0);
  return {
    name,
    pid: workers[0] ?? 0,
    port: httpPort,
    workers,
    processes: () => [gateway.pid ?? 0, ...childrenOf(gateway.pid ?? 0)],
    reload(version, rules) {
      write(version, rules);
      gateway.kill("SIGHUP");
    },
  };
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);

function intentOf({ originPort, mode, rules, sites }: GatewayOptions, version: number): string {
  const all = Array.from({ length: sites }, (_, at) => ({
    ...siteFor([`http://127.0.0.1:${originPort}`]),
    siteId: `site-${String(at + 1).padStart(10, "0")}`,
    requestBodyBytesMax: 13_107_200,
    domains: [at === 0 ? HOST : `s${at}.${HOST}`],
    mode,
    ruleset: mode === "off" ? "" : "crs",
  }));
  const rulesets = mode === "off" ? [] : [{ name: "crs", folder: rules }];
  return JSON.stringify({ ...intentOfSites(all), version, rulesets });
}

/** The same rules in another folder: to the gateway they are a new rule set, to be compiled. */
export function sameRulesElsewhere({ folder }: Started, rules: string): string {
  const place = join(folder, "again");
  mkdirSync(place);
  symlinkSync(rules, join(place, "rules"));
  symlinkSync(setupFileOf(rules), join(place, "crs-setup.conf"));
  return join(place, "rules");
}
