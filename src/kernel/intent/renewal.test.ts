import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CertificateAuthority, openAuthority } from "../pki/authority.ts";
import { openIntentClient } from "./client.ts";
import { readIdentity } from "./identity-file.ts";
import { createFleetListener, type NodeRegistry } from "./listener.ts";
import { joinTicketFile, nodeIdentityFile } from "./protocol.ts";

/** Certificates count in whole seconds. */
const LIFETIME_MS = 6_000;
const LOOK_EVERY_MS = 100;

let folder = "";
let authority: CertificateAuthority;
let server: Server;
let url = "";
let ended: AbortController;
/** Fingerprints in the order in which they were given out, and the one in use. */
let offered: string[] = [];
let used = "";

/** One node, kept as the fleet service's table keeps it. */
const registry: NodeRegistry = {
  async join(token, admit) {
    if (token !== "token") return undefined;
    used = await admit("node-1");
    offered = [used];
    return "node-1";
  },
  async find(fingerprint) {
    if (fingerprint === offered.at(-1)) used = fingerprint;
    return fingerprint === used ? { nodeId: "node-1", plane: "gateway" } : undefined;
  },
  async renew(_nodeId, fingerprint) {
    offered.push(fingerprint);
  },
  report: async () => {},
  seen: async () => {},
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "cordon-renewal-"));
  ended = new AbortController();
  authority = await openAuthority(join(folder, "keys"), Date.now, { nodeLifetimeMs: LIFETIME_MS });
  const publisher = {
    refresh: async () => {},
    load: async () => {},
    current: () => undefined,
    newerThan: async () => undefined,
  };
  const certificate = await authority.issueServer(["127.0.0.1"]);
  server = createFleetListener({
    authority,
    certificate,
    registry,
    publisher,
    rates: { take: () => "taken", news: async () => undefined },
    content: async () => undefined,
    log: () => {},
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeTicket();
});

afterEach(async () => {
  ended.abort();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

function writeTicket(): void {
  const ticket = { url, token: "token", authorityPem: authority.certificatePem };
  writeFileSync(join(folder, joinTicketFile), JSON.stringify(ticket));
}

const open = () => openIntentClient(folder, ended.signal, { renewalLookEveryMs: LOOK_EVERY_MS });

test("a node goes on past the end of its certificate, which it renews in time with a new key", {
  timeout: 30_000,
}, async () => {
  const client = await open();
  const first = readFileSync(join(folder, nodeIdentityFile), "utf8");
  const end = Date.now() + LIFETIME_MS * 1.7;
  while (Date.now() < end) {
    expect(await client.report({ runningVersion: 1 })).toBe(true);
    await sleep(LOOK_EVERY_MS);
  }
  expect(offered.length).toBeGreaterThan(2);
  const now = readIdentity(folder, Date.now());
  expect(now).toBeDefined();
  expect(now?.privateKeyPem).not.toBe(JSON.parse(first).privateKeyPem);
});

test("while the control plane is away renewal waits, and happens when it is back", {
  timeout: 30_000,
}, async () => {
  const client = await open();
  const { port } = server.address() as AddressInfo;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await sleep(LIFETIME_MS * 0.7);
  expect(await client.report({})).toBe(false);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await expect.poll(() => offered.length, { timeout: 5_000 }).toBeGreaterThan(1);
  await sleep(LIFETIME_MS);
  expect(await client.report({})).toBe(true);
});

test("a node whose certificate has ended is no node, and joins again with a new ticket", {
  timeout: 30_000,
}, async () => {
  await open();
  ended.abort();
  await sleep(LIFETIME_MS + LOOK_EVERY_MS);
  expect(readIdentity(folder, Date.now())).toBeUndefined();
  ended = new AbortController();
  writeTicket();
  const again = await open();
  expect(await again.report({})).toBe(true);
});
