/** Two control planes on one database: work is shared, and what one knew the other knows. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { programFolder } from "../../src/kernel/config.ts";
import { hasPostgres15, type Postgres15, startPostgres15 } from "../postgres15.ts";
import { signedApi } from "../signed-client.ts";
import { type ApiReply, freePorts, rawApi, type Stack, startStack, until } from "../stack.ts";

const NEEDS = "(needs postgresql-15)";
let postgres: Postgres15;
let first: Stack;
let second: { port: number; folder: string; process: ChildProcess; log: string[] };
let receiver: http.Server;
const messages = new Map<string, { eventCount: number; title: string }>();

/** Only the server of a second Cordon: the first one's keys and keyd, folders of its own. */
async function startSecond(): Promise<typeof second> {
  const folder = mkdtempSync(join(tmpdir(), "cordon-second-"));
  const [port = 0, fleet = 0] = await freePorts(2);
  const log: string[] = [];
  const child = spawn(process.execPath, [join(programFolder, "src", "app.ts")], {
    env: {
      ...first.env,
      CORDON_DATA: folder,
      CORDON_KEYS: join(first.dataFolder, "keys"),
      CORDON_KEYD_SOCKET: join(first.dataFolder, "run", "keyd.sock"),
      CORDON_CONSOLE_PORT: String(port),
      CORDON_FLEET_PORT: String(fleet),
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr?.on("data", (chunk) => log.push(String(chunk)));
  const ready = async () => {
    const reply = await rawApi(port, { method: "GET", path: "/readyz" }).catch(() => undefined);
    return reply?.code === 200;
  };
  await until("the second control plane is ready", ready, 60_000);
  return { port, folder, process: child, log };
}

beforeAll(async () => {
  if (!hasPostgres15) return;
  postgres = await startPostgres15();
  receiver = http.createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => {
      body += piece;
    });
    request.on("end", () => {
      const { deliveryId, eventCount, title } = JSON.parse(body);
      if (title.includes("deleteGroup")) messages.set(deliveryId, { eventCount, title });
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const env = { CORDON_DATABASE_URL: postgres.url, CORDON_PRIVATE_TARGETS: "127.0.0.1" };
  first = await startStack({ env });
  second = await startSecond();
}, 180_000);

afterAll(async () => {
  second?.process.kill("SIGKILL");
  await first?.stop();
  receiver?.close();
  postgres?.stop();
  if (second !== undefined) rmSync(second.folder, { recursive: true, force: true });
});

async function atSecond(method: string, path: string, body?: unknown): Promise<ApiReply> {
  const { code, text } = await rawApi(second.port, { method, path, body, key: first.key });
  return { code, ...JSON.parse(text) };
}

test.skipIf(!hasPostgres15)(
  `a signed request that one control plane took is refused by the other ${NEEDS}`,
  async () => {
    const { result: me } = await first.api("GET", "/v1/iam/caller");
    const body = { userId: me.caller.principalId };
    const { result } = await first.api("POST", "/v1/iam/accessKeys", body);
    const key = { accessKeyId: result.accessKey.accessKeyId, secret: result.secret };
    const call = { method: "GET", path: "/v1/iam/users", service: "iam", key };
    const nonce = "replayed-elsewhere-1";
    // The same nonce within its time; whether the signature names another port does not matter.
    expect((await signedApi(first.consolePort, { ...call, nonce })).code).toBe(200);
    expect((await signedApi(second.port, { ...call, nonce })).code).toBe(401);
    expect((await signedApi(second.port, call)).code).toBe(200);
  },
);

test.skipIf(!hasPostgres15)(
  `a site made at one is served by the gateway of the other, and versions only grow ${NEEDS}`,
  { timeout: 60_000 },
  async () => {
    const versions: number[] = [];
    for (let at = 0; at < 6; at += 1) {
      const body = { domains: [`s${at}.test`], upstreams: ["http://127.0.0.1:1"] };
      const made =
        at % 2 === 0
          ? await atSecond("POST", "/v1/waf/sites", body)
          : await first.api("POST", "/v1/waf/sites", body);
      expect(made.code).toBe(200);
      const served = async () => (await first.site(`s${at}.test`, "/")).code === 502;
      await until(`site ${at} is served`, served, 20_000);
      versions.push(Number(postgres.psql(0, "select max(version) from intent", "cordon")));
    }
    expect(versions).toEqual(versions.toSorted((left, right) => left - right));
    expect(new Set(versions).size).toBe(versions.length);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    // Both agree on the document, so that it is not rewritten in turns.
    const last = Number(postgres.psql(0, "select max(version) from intent", "cordon"));
    expect(last).toBe(versions.at(-1));
  },
);

test.skipIf(!hasPostgres15)(
  `each has an audit log of its own, both are listed by both, and proved by their own ${NEEDS}`,
  async () => {
    await first.api("POST", "/v1/iam/groups", { name: "of-first" });
    await atSecond("POST", "/v1/iam/groups", { name: "of-second" });
    const query = "?filters.1.name=operation&filters.1.values.1=iam.createGroup";
    const idsAt = async (list: Promise<ApiReply>) =>
      (await list).result.entries.map(({ entryId }: { entryId: string }) => entryId);
    const both = async () =>
      (await idsAt(atSecond("GET", `/v1/audit/entries${query}`))).length === 2;
    await until("both entries are listed", both, 10_000);
    const ids: string[] = await idsAt(first.api("GET", `/v1/audit/entries${query}`));
    const foreign = ids.find((id) => id.startsWith("cp-"));
    const own = ids.find((id) => !id.startsWith("cp-"));
    expect((await first.api("GET", `/v1/audit/entries/${own}`)).code).toBe(200);
    const elsewhere = await first.api("GET", `/v1/audit/entries/${foreign}`);
    expect(elsewhere.error?.reason).toBe("audit.entryElsewhere");
    const proved = await atSecond("GET", `/v1/audit/entries/${foreign}`);
    expect(proved.result.entry.entryId).toBe(foreign?.split(".")[1]);
    const origins = await Promise.all([
      first.api("GET", "/v1/audit/checkpoint"),
      atSecond("GET", "/v1/audit/checkpoint"),
    ]);
    const names = origins.map(({ result }) => result.checkpoint.split("\n")[0]);
    expect(new Set(names).size).toBe(2);
    expect((await first.run("audit", "verify")).code).toBe(0);
  },
);

test.skipIf(!hasPostgres15)(
  `when the one that leads stands still the other leads, and the one that comes back does not ${NEEDS}`,
  { timeout: 90_000 },
  async () => {
    const leader = () => postgres.psql(0, "select instance from leader", "cordon");
    const nameOf = (folder: string) => readFileSync(join(folder, "instance"), "utf8").trim();
    const [one, two] = [nameOf(first.dataFolder), nameOf(second.folder)];
    await until("the first leads", async () => leader() === one, 30_000);
    const pid = await first.pid("server");
    process.kill(pid, "SIGSTOP");
    try {
      await until("the second leads", async () => leader() === two, 30_000);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await until(
      "the first answers",
      async () => (await first.api("GET", "/v1/iam/caller")).code === 200,
    );
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(leader()).toBe(two);
  },
);

test.skipIf(!hasPostgres15)(
  `both take calls and send notifications; one is killed, and nothing is lost or doubled ${NEEDS}`,
  { timeout: 120_000 },
  async () => {
    const address = receiver.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const url = `http://127.0.0.1:${port}/`;
    const made = await first.api("POST", "/v1/notify/channels", {
      name: "w",
      kind: "webhook",
      url,
    });
    const { channelId } = made.result.channel;
    const route = { name: "r", channelIds: [channelId], services: ["audit"], groupSeconds: 10 };
    expect((await first.api("POST", "/v1/notify/routes", route)).code).toBe(200);
    let acknowledged = 0;
    let unknown = 0;
    let isOver = false;
    const work = async (name: string, api: typeof atSecond) => {
      for (let at = 0; !isOver; at += 1) {
        const group = await api("POST", "/v1/iam/groups", { name: `${name}-${at}` }).catch(
          () => null,
        );
        const groupId = group?.result?.groupId;
        if (groupId === undefined) return;
        const gone = await api("DELETE", `/v1/iam/groups/${groupId}`).catch(() => null);
        if (gone?.code === 200) acknowledged += 1;
        else unknown += 1;
      }
    };
    const working = Promise.all([
      ...["a", "b"].map((name) =>
        work(name, (method, path, body) => first.api(method, path, body)),
      ),
      ...["c", "d"].map((name) => work(name, atSecond)),
    ]);
    await until("work is under way", async () => acknowledged > 60, 60_000);
    second.process.kill("SIGKILL");
    const before = acknowledged;
    await until("the other goes on", async () => acknowledged > before + 20, 60_000);
    isOver = true;
    await working;
    const told = () => [...messages.values()].reduce((sum, { eventCount }) => sum + eventCount, 0);
    await until("all were told", async () => told() >= acknowledged, 60_000);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    // What was not acknowledged may have happened; nothing may have been told twice.
    expect(told()).toBeLessThanOrEqual(acknowledged + unknown);
  },
);
