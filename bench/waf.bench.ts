/**
 * CPU per request with the OWASP Core Rule Set at paranoia level 1, blocking: nginx with
 * libmodsecurity 3 (Debian) and the gateway, same rules, in alternation. Prints ratios.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { programFolder } from "../src/kernel/config.ts";
import { freePorts } from "../test/stack.ts";
import { printRow, printSkip } from "./row.ts";

const ROUNDS = 3;
const SECONDS = 3;
const TICKS_PER_SECOND = 100;
const RULES = "/usr/share/modsecurity-crs/rules";
const MODULE = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so";
const HOST = "bench.localhost";

type Case = {
  name: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
};

const browser: Record<string, string> = {
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language": "en-US,en;q=0.5",
  "Accept-Encoding": "gzip, deflate, br",
  Referer: "https://bench.localhost/list?page=2",
  Cookie: "sid=8f3a9c{n}; theme=dark; lang=en; cart=3; seen=1",
  "Upgrade-Insecure-Requests": "1",
  "Sec-Fetch-Dest": "document",
  "Cache-Control": "max-age=0",
};
const form = Array.from(
  { length: 10 },
  (_, at) => `field${at}=${`some+words{n}+of+text+${at}+`.repeat(4)}{n}`,
).join("&");
const items = Array.from({ length: 56 }, (_, id) => ({
  id,
  name: `product number {n}${id}`,
  price: id * 1.5,
  tags: "green tea",
}));

const cases: readonly Case[] = [
  {
    name: "simple GET",
    method: "GET",
    path: "/",
    headers: { "User-Agent": "Mozilla/5.0", Accept: "*/*" },
    body: "",
  },
  {
    name: "realistic GET",
    method: "GET",
    path: "/search?q=green+tea&page=2&sort=price&dir=asc&ref=home&session=a8f3c{n}",
    headers: browser,
    body: "",
  },
  {
    name: "form 1 KB",
    method: "POST",
    path: "/order",
    headers: { ...browser, "Content-Type": "application/x-www-form-urlencoded" },
    body: form,
  },
  {
    name: "JSON 4 KB",
    method: "POST",
    path: "/api/items",
    headers: { ...browser, "Content-Type": "application/json" },
    body: JSON.stringify({ items }),
  },
  {
    name: "blocked SQLi",
    method: "GET",
    path: "/product?id={n}%27%20or%20%271%27=%271%20--%20",
    headers: browser,
    body: "",
  },
];

function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / TICKS_PER_SECOND;
}

/** Each request is another one: `{n}` counts up, so that remembered values help little. */
function luaOf({ method, path, headers, body }: Case): string {
  const fields = Object.entries({ Host: HOST, ...headers }).map(
    ([name, value]) => `[${JSON.stringify(name)}] = fill(${JSON.stringify(value)})`,
  );
  return [
    "local n = 0",
    "local function fill(text) return (text:gsub('{n}', n)) end",
    "function request()",
    "  n = n + 1",
    `  local headers = { ${fields.join(", ")} }`,
    `  local path, body = fill(${JSON.stringify(path)}), fill(${JSON.stringify(body)})`,
    `  return wrk.format("${method}", path, headers, body)`,
    "end",
  ].join("\n");
}

function measure(folder: string, one: Case, { pid, port }: { pid: number; port: number }): number {
  const script = join(folder, "case.lua");
  writeFileSync(script, luaOf(one));
  const before = cpuMicroseconds(pid);
  const text = execFileSync(
    "wrk",
    ["-t1", "-c4", `-d${SECONDS}s`, "-s", script, `http://127.0.0.1:${port}/`],
    { encoding: "utf8" },
  );
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? Number.NaN);
  return (cpuMicroseconds(pid) - before) / requests;
}

function startNginx(
  folder: string,
  name: string,
  parts: { main: string; server: string },
): ChildProcess {
  const file = join(folder, `${name}.conf`);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((path) => `${path}_temp_path ${folder}/${name}-${path};`)
    .join(" ");
  const main = `${parts.main} daemon off; master_process off; pid ${folder}/${name}.pid; error_log ${folder}/${name}.log crit; events { worker_connections 1024; }`;
  writeFileSync(
    file,
    `${main}\nhttp { access_log off; keepalive_requests 1000000; ${paths} ${parts.server} }`,
  );
  return spawn("nginx", ["-p", folder, "-c", file], { stdio: "ignore" });
}

/** The first worker below the gateway's master. */
async function workerOf(master: number): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const text = readFileSync(`/proc/${master}/task/${master}/children`, "utf8").trim();
    if (text !== "") return Number(text.split(" ")[0]);
    await sleep(100);
  }
  throw new Error("The gateway started no worker");
}

function writeIntent(file: string, originPort: number): void {
  const site = {
    siteId: "site-0000000001",
    accountId: "acc-0000000001",
    domains: [HOST],
    upstreams: [`http://127.0.0.1:${originPort}`],
    mode: "block",
    paranoiaLevel: 1,
    inboundThreshold: 5,
    outboundThreshold: 4,
    requestBodyBytesMax: 13_107_200,
    failOpen: true,
    redirectToHttps: false,
    trustedProxies: [],
    ruleset: "crs",
    exclusions: [],
    certificatePem: "",
    privateKeyPem: "",
  };
  const rulesets = [{ name: "crs", folder: RULES }];
  writeFileSync(file, JSON.stringify({ version: 1, sites: [site], sources: [], rulesets }));
}

async function run(): Promise<void> {
  if (!existsSync(MODULE) || !existsSync(RULES) || !existsSync("/usr/bin/wrk")) {
    printSkip("waf", "needs libnginx-mod-http-modsecurity, modsecurity-crs and wrk");
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "cordon-waf-bench-"));
  const [originPort = 0, nginxPort = 0, httpPort = 0, httpsPort = 0] = await freePorts(4);
  const includes = readdirSync(RULES)
    .filter((name) => name.endsWith(".conf"))
    .sort()
    .map((name) => `Include ${RULES}/${name}`);
  const modsecurity = join(folder, "modsecurity.conf");
  writeFileSync(
    modsecurity,
    [
      "Include /etc/nginx/modsecurity.conf",
      "SecRuleEngine On",
      "SecAuditEngine Off",
      "Include /etc/modsecurity/crs/crs-setup.conf",
      ...includes,
      "",
    ].join("\n"),
  );
  const origin = startNginx(folder, "origin", {
    main: "",
    server: `server { listen 127.0.0.1:${originPort}; location / { return 200 "hello, this is the page"; } }`,
  });
  const peer = startNginx(folder, "peer", {
    main: "load_module /usr/lib/nginx/modules/ndk_http_module.so; load_module /usr/lib/nginx/modules/ngx_http_modsecurity_module.so;".replace(
      "load_module /usr/lib/nginx/modules/ndk_http_module.so; ",
      existsSync("/usr/lib/nginx/modules/ndk_http_module.so")
        ? "load_module /usr/lib/nginx/modules/ndk_http_module.so; "
        : "",
    ),
    server: `upstream o { server 127.0.0.1:${originPort}; keepalive 64; } server { listen 127.0.0.1:${nginxPort}; modsecurity on; modsecurity_rules_file ${modsecurity}; location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } }`,
  });
  const intent = join(folder, "intent.json");
  writeIntent(intent, originPort);
  const env = {
    ...process.env,
    CORDON_DATA: folder,
    CORDON_GATEWAY_HTTP_PORT: String(httpPort),
    CORDON_GATEWAY_HTTPS_PORT: String(httpsPort),
    CORDON_GATEWAY_WORKERS: "1",
  };
  const gateway = spawn(
    process.execPath,
    [join(programFolder, "src/daemons/gateway/main.ts"), "--intent", intent],
    { env, stdio: ["ignore", "ignore", "inherit"] },
  );
  try {
    await sleep(4_000);
    const ours = { pid: await workerOf(gateway.pid ?? 0), port: httpPort };
    const theirs = { pid: peer.pid ?? 0, port: nginxPort };
    for (const one of cases) {
      measure(folder, one, ours);
      for (let round = 1; round <= ROUNDS; round += 1) {
        const peerMicros = measure(folder, one, theirs);
        const cordonMicros = measure(folder, one, ours);
        printRow({
          bench: "waf",
          what: `${one.name}, round ${round}`,
          value: cordonMicros,
          unit: "µs CPU per request",
          peer: { name: "libmodsecurity", value: peerMicros },
          ratio: peerMicros / cordonMicros,
        });
      }
    }
  } finally {
    for (const child of [gateway, peer, origin]) child.kill();
    await sleep(500);
    rmSync(folder, { recursive: true, force: true });
  }
}

await run();
