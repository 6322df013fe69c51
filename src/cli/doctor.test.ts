import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { programFolder, readConfig } from "../kernel/config.ts";
import { type Result, runChecks } from "./doctor-check.ts";
import { clockFinding, nodeFinding } from "./doctor-machine.ts";

const PORTS = [
  "CORDON_CONSOLE_PORT",
  "CORDON_FLEET_PORT",
  "CORDON_GATEWAY_HTTP_PORT",
  "CORDON_GATEWAY_HTTPS_PORT",
] as const;

const root = process.getuid?.() === 0;
let folder = "";
let ports: Record<string, string> = {};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cordon-doctor-"));
  const servers = await Promise.all(PORTS.map(listen));
  ports = Object.fromEntries(PORTS.map((name, index) => [name, String(portOf(servers[index]))]));
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function listen(): Promise<Server> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function portOf(server: Server | undefined): number {
  const address = server?.address();
  if (typeof address !== "object" || address === null) throw new Error("it does not listen");
  return address.port;
}

type Answer = { status: number | null; output: string; checks: ReadonlyMap<string, Result> };

/** Runs the real command in a process of its own. */
async function runDoctor(env: Record<string, string>, args = ["--output", "json"]) {
  const child = spawn(
    process.execPath,
    [join(programFolder, "src/cli/main.ts"), "doctor", ...args],
    {
      env: { PATH: process.env.PATH, CORDON_DATA: folder, ...ports, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString("utf8");
  });
  await once(child, "close");
  const json = output.startsWith("{");
  const { checks } = (json ? JSON.parse(output) : { checks: [] }) as { checks: readonly Result[] };
  const byName = new Map(checks.map((result) => [result.name, result]));
  return { status: child.exitCode, output, checks: byName } satisfies Answer;
}

test("a healthy machine with an empty data folder needs nothing, and the status says so", async () => {
  const { status, checks } = await runDoctor({});
  const missing = [...checks.values()].filter(({ needed, state }) => needed && state === "off");
  expect(missing).toEqual([]);
  expect(status).toBe(0);
  const running = ["node-version", "data-folder", "console-port", "database", "lake"];
  for (const name of running) expect(checks.get(name)).toMatchObject({ state: "on", fix: "" });
  for (const { name, state, why, fix } of checks.values()) {
    expect(name).toMatch(/^[a-z]+(?:-[a-z]+)*$/);
    expect(why).not.toBe("");
    expect(fix === "").toBe(state === "on");
  }
});

test("the table has a row for every check", async () => {
  const { output } = await runDoctor({}, []);
  expect(output).toMatch(/^NAME +STATE +WHY +FIX\n/);
  expect(output).toMatch(/\ndata-folder +on +\S/);
});

test("a taken port is named with its holder and the variable to set", async () => {
  const server = await listen();
  const port = String(portOf(server));
  const { status, checks } = await runDoctor({ CORDON_FLEET_PORT: port });
  server.close();
  const result = checks.get("fleet-port");
  expect(result?.state).toBe("off");
  expect(result?.why).toContain(`port ${port} on 127.0.0.1 is taken by process ${process.pid} `);
  expect(result?.fix).toContain("CORDON_FLEET_PORT=");
  expect(checks.get("console-port")?.state).toBe("on");
  expect(status).toBe(1);
});

test("two settings with one port are both named", async () => {
  const { status, checks } = await runDoctor({
    CORDON_FLEET_PORT: ports.CORDON_CONSOLE_PORT ?? "",
  });
  expect(checks.get("fleet-port")?.why).toContain("for fleet and for console");
  expect(checks.get("console-port")?.state).toBe("off");
  expect(status).toBe(1);
});

test("a port held by this data folder's own running Cordon is on", async () => {
  const data = join(folder, "running");
  mkdirSync(data, { mode: 0o700 });
  const script = `
    import { createServer } from "node:net";
    import { takeLock } from ${JSON.stringify(join(programFolder, "src/kernel/process/lock.ts"))};
    takeLock(${JSON.stringify(join(data, "up.lock"))});
    const server = createServer().listen(0, "127.0.0.1", () => {
      console.log(server.address().port);
    });
  `;
  const holder = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [chunk] = await once(holder.stdout, "data");
    const port = String(chunk).trim();
    const ours = await runDoctor({ CORDON_DATA: data, CORDON_CONSOLE_PORT: port });
    expect(ours.checks.get("console-port")).toMatchObject({ state: "on" });
    expect(ours.checks.get("console-port")?.why).toContain(`process ${holder.pid}`);
    const other = await runDoctor({ CORDON_CONSOLE_PORT: port });
    expect(other.checks.get("console-port")?.state).toBe("off");
  } finally {
    holder.kill("SIGKILL");
  }
});

test.skipIf(root)("a data folder that cannot be read is named (not as root)", async () => {
  const data = join(folder, "unreadable");
  mkdirSync(data);
  chmodSync(data, 0o000);
  const { status, checks } = await runDoctor({ CORDON_DATA: data });
  chmodSync(data, 0o700);
  expect(checks.get("data-folder")).toMatchObject({ state: "off" });
  expect(checks.get("data-folder")?.why).toContain(data);
  expect(status).toBe(1);
});

test.skipIf(!root)("a data folder of another user is named (needs root)", async () => {
  const data = join(folder, "foreign");
  mkdirSync(data, { mode: 0o700 });
  chownSync(data, 65_534, 65_534);
  const { status, checks } = await runDoctor({ CORDON_DATA: data });
  expect(checks.get("data-folder")).toMatchObject({ state: "off" });
  expect(checks.get("data-folder")?.why).toContain(`${data} belongs to user 65534`);
  expect(status).toBe(1);
});

test("a data folder that others can read is a warning with the command to run", async () => {
  const data = join(folder, "open");
  mkdirSync(data);
  chmodSync(data, 0o755);
  const { checks } = await runDoctor({ CORDON_DATA: data });
  expect(checks.get("data-folder")).toMatchObject({
    state: "warning",
    fix: `chmod go-rw '${data}'`,
  });
});

test("rules with a fault are named with file and line", async () => {
  const data = join(folder, "rules-fault");
  const rules = join(data, "rules", "broken");
  mkdirSync(rules, { recursive: true, mode: 0o700 });
  writeFileSync(join(rules, "a.conf"), "\nSecNoSuchDirective On\n");
  const source = { name: "broken", version: "1", setupFile: "/none", rulesFolder: rules };
  writeFileSync(join(data, "rules", "sources.json"), JSON.stringify([source]));
  const { status, checks } = await runDoctor({ CORDON_DATA: data });
  expect(checks.get("waf-rules")?.state).toBe("off");
  expect(checks.get("waf-rules")?.why).toMatch(/a\.conf:2.*SecNoSuchDirective/i);
  expect(status).toBe(1);
});

test("an external database or lake that does not answer is named by its variable", async () => {
  const closed = `127.0.0.1:${ports.CORDON_FLEET_PORT}`;
  const { status, checks } = await runDoctor({
    CORDON_DATABASE_URL: `postgres://cordon:secret@${closed}/cordon`,
    CORDON_LAKE_URL: `http://${closed}`,
  });
  for (const [name, variable] of [
    ["database", "CORDON_DATABASE_URL"],
    ["lake", "CORDON_LAKE_URL"],
  ] as const) {
    expect(checks.get(name)?.state).toBe("off");
    expect(checks.get(name)?.why).toContain(variable);
    expect(checks.get(name)?.why).not.toContain("secret");
  }
  expect(status).toBe(1);
});

test("a setting that cannot be used and an unknown flag are usage errors", async () => {
  expect((await runDoctor({ CORDON_FLEET_PORT: "many" })).status).toBe(2);
  expect((await runDoctor({}, ["--loud"])).status).toBe(2);
});

test("a check that throws or never ends is off and does not hide the others", async () => {
  const config = readConfig({ CORDON_DATA: folder });
  const never = new Promise<never>(() => {});
  const checks = [
    { name: "throws", needed: true, run: () => Promise.reject(new Error("no such thing")) },
    { name: "hangs", needed: true, run: () => never },
    {
      name: "works",
      needed: true,
      run: async () => ({ state: "on" as const, why: "it does", fix: "" }),
    },
  ];
  const results = await runChecks(checks, config, 20);
  expect(results.map(({ state }) => state)).toEqual(["off", "off", "on"]);
  expect(results[0]?.why).toBe("no such thing");
});

test("a clock before 2026 is off, one before the newest checkpoint is a warning", () => {
  const data = join(folder, "clock");
  mkdirSync(join(data, "audit"), { recursive: true });
  writeFileSync(join(data, "audit", "checkpoint"), "");
  const config = readConfig({ CORDON_DATA: data });
  expect(clockFinding(config, Date.UTC(2025, 11, 31)).state).toBe("off");
  expect(clockFinding(config, Date.now() - 60_000).state).toBe("warning");
  expect(clockFinding(config, Date.now()).state).toBe("on");
});

test("another major of Node is off, another release of the pinned major a warning", () => {
  expect(nodeFinding("v20.1.0").state).toBe("off");
  expect(nodeFinding("v24.0.0").state).toBe("warning");
});
