import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type IssuedCertificate, openAuthority } from "../pki/authority.ts";
import { keepRoom } from "./connection-room.ts";

const CONNECTIONS_MAX = 20;
const NEIGHBOR = "127.0.0.2";

describe("a listener that is full", () => {
  let folder: string;
  let certificate: IssuedCertificate;
  let server: https.Server;
  let port: number;
  let opened: Socket[];
  /** Requests that the server holds without an answer. */
  let waiting: ServerResponse[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "cordon-room-"));
    certificate = await (await openAuthority(folder, Date.now)).issueServer(["127.0.0.1"]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  beforeEach(async () => {
    opened = [];
    waiting = [];
    server = https.createServer(
      { cert: certificate.certificatePem, key: certificate.privateKeyPem },
      (request: IncomingMessage, response: ServerResponse) => {
        if (request.url === "/wait") waiting.push(response);
        else response.end("answered");
      },
    );
    keepRoom(server, CONNECTIONS_MAX);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    port = typeof address === "object" && address !== null ? address.port : 0;
  });
  afterEach(async () => {
    for (const socket of opened) socket.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** A connection that says nothing, not even hello. */
  async function silent(localAddress = "127.0.0.1"): Promise<Socket> {
    const socket = connect({ host: "127.0.0.1", port, localAddress });
    socket.on("error", () => {});
    opened.push(socket);
    await once(socket, "connect");
    return socket;
  }

  /** A TLS connection on which nothing was asked yet. */
  async function greeted(localAddress = "127.0.0.1"): Promise<TLSSocket> {
    const socket = connectTls({ socket: await silent(localAddress), rejectUnauthorized: false });
    socket.on("error", () => {});
    opened.push(socket);
    await once(socket, "secureConnect");
    return socket;
  }

  function ask(socket: Socket, path: string): Promise<string> {
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
    return new Promise((resolve, reject) => {
      socket.once("data", (bytes) => resolve(String(bytes)));
      socket.once("close", () => reject(new Error("closed")));
    });
  }

  const closed = (socket: Socket) => (socket.closed ? Promise.resolve([]) : once(socket, "close"));

  test("lets a new client in where somebody holds all connections and says nothing", async () => {
    for (let count = 0; count < CONNECTIONS_MAX * 3; count++) await silent();
    const client = await greeted(NEIGHBOR);
    expect(await ask(client, "/")).toContain("answered");
    expect(await ask(client, "/")).toContain("answered");
  });

  test("closes those of who holds the most, the longest unused first", async () => {
    const neighbor = await greeted(NEIGHBOR);
    expect(await ask(neighbor, "/")).toContain("answered");
    const first = await greeted();
    const used = await greeted();
    const rest: Socket[] = [];
    while (rest.length < CONNECTIONS_MAX - 3) rest.push(await silent());
    expect(await ask(first, "/")).toContain("answered");
    expect(await ask(used, "/")).toContain("answered");
    // All are taken now; the next two push out the two that never asked for anything longest.
    await greeted("127.0.0.3");
    await greeted("127.0.0.3");
    await Promise.all(rest.slice(0, 2).map(closed));
    expect(await ask(used, "/")).toContain("answered");
    expect(await ask(first, "/")).toContain("answered");
    expect(await ask(neighbor, "/")).toContain("answered");
  });

  test("never closes one that waits for its answer, and then takes no more", async () => {
    const asking: Promise<string>[] = [];
    while (asking.length < CONNECTIONS_MAX) {
      const socket = await greeted();
      asking.push(ask(socket, "/wait"));
      while (waiting.length < asking.length) await new Promise((resolve) => setImmediate(resolve));
    }
    const refused = await silent(NEIGHBOR);
    await closed(refused);
    for (const response of waiting) response.end("answered late");
    for (const answer of await Promise.all(asking)) expect(answer).toContain("answered late");
    const client = await greeted(NEIGHBOR);
    expect(await ask(client, "/")).toContain("answered");
  });
});
