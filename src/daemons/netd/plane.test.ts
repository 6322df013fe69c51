import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openNft } from "./nft.ts";
import { type NetworkPlane, type PlaneStatus, startNetworkPlane } from "./plane.ts";

const PORT = 8080;
const OTHER_PORT = 9090;

let folder: string;
let plane: NetworkPlane | null = null;
let status: PlaneStatus | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "netd-"));
  status = null;
});
afterEach(async () => {
  await plane?.stop();
  plane = null;
  await rm(folder, { recursive: true, force: true });
});

const intentOf = (version: number, cidrs: readonly string[], seconds = 3_600) => ({
  version,
  sources: cidrs.map((cidr) => ({
    cidr,
    action: "block",
    accountId: "acc-1",
    siteId: null,
    expiresAt: new Date(Date.now() + seconds * 1_000).toISOString(),
    responseId: "resp-1",
  })),
});

const start = async (command: readonly string[]) => {
  plane = await startNetworkPlane({
    folder,
    ports: [PORT, 8443],
    nft: openNft(command),
    clock: Date.now,
    report: async (next) => {
      status = next;
      return true;
    },
  });
  return plane;
};

describe("a machine that cannot enforce", () => {
  test("says that nft is missing and never claims to run the version", async () => {
    const running = await start(["nft-that-is-not-installed"]);
    await running.take(intentOf(3, ["203.0.113.7"]));
    expect(status?.runningVersion).toBe(0);
    expect(status?.messages).toEqual([
      'cannot enforce here: the program "nft-that-is-not-installed" is missing; ' +
        "install the package nftables",
    ]);
  });
  test("says that the kernel refused", async () => {
    const running = await start(["false"]);
    await running.take(intentOf(3, ["203.0.113.7"]));
    expect(status?.runningVersion).toBe(0);
    expect(status?.messages).toEqual(["cannot enforce here: false ended with status 1"]);
  });
});

// `true` stands for an nft that agrees to everything: these tests are about what is kept.
describe("the last good intent", () => {
  test("is on disk for its user only, and known again after a restart", async () => {
    await (await start(["true"])).take(intentOf(7, ["203.0.113.7"]));
    expect((await stat(join(folder, "intent.json"))).mode & 0o777).toBe(0o600);
    await plane?.stop();
    const again = await start(["true"]);
    expect(again.knownVersion()).toBe(7);
    await again.check();
    expect(status).toEqual({ runningVersion: 7, failures: [], messages: [] });
  });
  test("stays when a document cannot be understood, and the reason is reported", async () => {
    const running = await start(["true"]);
    await running.take(intentOf(7, ["203.0.113.7"]));
    const kept = await readFile(join(folder, "intent.json"), "utf8");
    await running.take({ version: 8, sources: [{ cidr: 5 }] });
    expect(status?.runningVersion).toBe(7);
    expect(status?.messages).toEqual([expect.stringMatching(/^Cannot use the intent: .* stays$/)]);
    expect(await readFile(join(folder, "intent.json"), "utf8")).toBe(kept);
  });
  test("that is damaged is said, and the next intent replaces it", async () => {
    await writeFile(join(folder, "intent.json"), "{");
    const running = await start(["true"]);
    await running.check();
    expect(status?.messages).toEqual([expect.stringContaining("Cannot load the last good intent")]);
    await running.take(intentOf(2, []));
    expect(status).toEqual({ runningVersion: 2, failures: [], messages: [] });
  });
});

const server = `cordon-s-${process.pid}`;
const client = `cordon-c-${process.pid}`;
const within = (namespace: string, ...argv: string[]) => ["netns", "exec", namespace, ...argv];
const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "pipe" }).toString();
const unavailable = whyNoNamespaces();

function whyNoNamespaces(): string | null {
  if (process.getuid?.() !== 0) return "root only";
  if (spawnSync("ip", ["netns", "list"]).status !== 0) return "ip is missing";
  const tried = spawnSync("unshare", ["-n", "nft", "add table inet cordon_probe"]);
  return tried.status === 0 ? null : "nft does not work on this kernel";
}

/** Whether a TCP connection is made ("open"), refused, or its packets vanish ("dropped"). */
function reach(namespace: string, address: string, port = PORT): string {
  const script = 'exec 3<>"/dev/tcp/$1/$2"';
  const argv = ["timeout", "1", "bash", "-c", script, "reach", address, String(port)];
  const { status: code } = spawnSync("ip", within(namespace, ...argv));
  return code === 0 ? "open" : code === 124 ? "dropped" : `refused (${code})`;
}

const title = `packets in a namespace${unavailable === null ? "" : ` (skipped: ${unavailable})`}`;
describe.skipIf(unavailable !== null)(title, () => {
  const nft = ["ip", "netns", "exec", server, "nft"];
  let listener: ChildProcess;

  beforeAll(async () => {
    for (const name of [server, client]) ip("netns", "add", name);
    const peer = ["peer", "name", "v1", "netns", client];
    ip("link", "add", "v0", "netns", server, "type", "veth", ...peer);
    for (const [name, link, host] of [
      [server, "v0", "1"],
      [client, "v1", "2"],
    ] as const) {
      ip("-n", name, "address", "add", `192.0.2.${host}/24`, "dev", link);
      ip("-n", name, "address", "add", `2001:db8::${host}/64`, "dev", link, "nodad");
      ip("-n", name, "link", "set", link, "up");
      ip("-n", name, "link", "set", "lo", "up");
    }
    const program = `const { createServer } = require("node:net");
      const listen = (port) => new Promise((up) => createServer().listen(port, "::", up));
      Promise.all([${PORT}, ${OTHER_PORT}].map(listen)).then(() => console.log("up"));`;
    listener = spawn("ip", within(server, process.execPath, "-e", program));
    await new Promise((resolve) => listener.stdout?.once("data", resolve));
  });
  afterAll(() => {
    listener.kill("SIGKILL");
    for (const name of [server, client]) ip("netns", "delete", name);
  });

  test("a source is let in before, dropped while blocked, and let in after its time", async () => {
    const running = await start(nft);
    expect(reach(client, "192.0.2.1")).toBe("open");
    expect(reach(client, "2001:db8::1")).toBe("open");

    await running.take(intentOf(1, ["192.0.2.0/24", "2001:db8::2"]));
    expect(status).toEqual({ runningVersion: 1, failures: [], messages: [] });
    expect(reach(client, "192.0.2.1")).toBe("dropped");
    expect(reach(client, "2001:db8::1")).toBe("dropped");
    expect(reach(client, "192.0.2.1", OTHER_PORT), "another port").toBe("open");
    expect(reach(server, "192.0.2.1"), "over loopback, from a blocked address").toBe("open");

    await running.take(intentOf(2, ["192.0.2.2", "2001:db8::2"], 2));
    await expect.poll(() => reach(client, "192.0.2.1"), { timeout: 20_000 }).toBe("open");
    await expect.poll(() => reach(client, "2001:db8::1"), { timeout: 20_000 }).toBe("open");
  });

  test("nested blocks with different ends are taken by the kernel", async () => {
    const running = await start(nft);
    const short = intentOf(1, ["192.0.0.0/16", "198.51.100.0/24"], 600);
    const long = intentOf(1, ["192.0.2.2", "198.51.100.0/25", "198.51.100.0/24"], 6_000);
    await running.take({ version: 1, sources: [...short.sources, ...long.sources] });
    expect(status).toEqual({ runningVersion: 1, failures: [], messages: [] });
    expect(reach(client, "192.0.2.1")).toBe("dropped");
  });

  test("stopping leaves the blocks, and undoing one lets the source in", async () => {
    await (await start(nft)).take(intentOf(1, ["192.0.2.2"]));
    await plane?.stop();
    expect(reach(client, "192.0.2.1")).toBe("dropped");
    await writeFile(join(folder, "intent.json"), "{");
    const again = await start(nft);
    expect(reach(client, "192.0.2.1"), "with a damaged intent on disk").toBe("dropped");
    await again.take(intentOf(2, []));
    expect(reach(client, "192.0.2.1")).toBe("open");
  });

  test("removing after the stop leaves no table, and the next start blocks again", async () => {
    const running = await start(nft);
    await running.take(intentOf(1, ["192.0.2.2"]));
    await running.stop();
    await running.remove();
    expect(reach(client, "192.0.2.1")).toBe("open");
    const { stdout } = spawnSync("ip", within(server, "nft", "list", "tables"));
    expect(stdout.toString()).not.toContain("cordon");
    await running.remove();
    await start(nft);
    expect(reach(client, "192.0.2.1")).toBe("dropped");
  });

  test("a table that another program removed is put back and reported", async () => {
    const running = await start(nft);
    await running.take(intentOf(1, ["192.0.2.2"]));
    ip(...within(server, "nft", "flush", "ruleset"));
    expect(reach(client, "192.0.2.1")).toBe("open");
    await running.check();
    expect(reach(client, "192.0.2.1")).toBe("dropped");
    expect(status?.messages).toEqual([expect.stringContaining("Another program changed")]);
  });
});
