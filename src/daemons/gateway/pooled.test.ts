/** Pooled upstream connections that end: each order of events is brought about, none is awaited. */
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually, intentOf, rawClient, siteFor, startTestWorker } from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

/** Answers the first request of a connection; what it does next is up to the test. */
type Ending = "afterAnswer" | "finOnSecond" | "resetOnSecond";

let ending: Ending;
let paths: string[];
let openSockets: number;
/** Answers held back until the test lets them go; null when they go at once. */
let held: (() => void)[] | null;
let server: Server;
let worker: GatewayWorker;

function serve(socket: Socket): void {
  let requests = 0;
  openSockets++;
  socket.on("error", () => {});
  socket.on("close", () => openSockets--);
  socket.on("data", (data) => {
    const path = data.toString("latin1").split(" ")[1] ?? "";
    paths.push(path);
    requests++;
    if (requests > 1 && ending === "finOnSecond") socket.destroy();
    else if (requests > 1 && ending === "resetOnSecond") socket.resetAndDestroy();
    else {
      const answer = () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length + 1}\r\n\r\n${path}|`);
        if (ending === "afterAnswer") socket.end();
      };
      if (held === null) answer();
      else held.push(answer);
    }
  });
}

beforeEach(async () => {
  paths = [];
  openSockets = 0;
  held = null;
  server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  ({ worker } = await startTestWorker());
  worker.apply(intentOf([siteFor([`http://127.0.0.1:${port}`])]));
});
afterEach(async () => {
  await worker.close(100);
  await new Promise((resolve) => server.close(resolve));
});

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`;
const post = (path: string) =>
  `POST ${path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx`;

test("a pooled connection that the upstream closed while idle is not used again", async () => {
  ending = "afterAnswer";
  const client = rawClient(worker.httpPort);
  client.send(get("/1"));
  await client.until((text) => text.endsWith("/1|"));
  // The upstream's socket closes only once the gateway has seen the end and closed its own.
  await eventually(() => openSockets === 0);
  client.send(post("/2"));
  await client.until((text) => text.endsWith("/2|"));
  expect(paths).toEqual(["/1", "/2"]);
  client.socket.destroy();
});

test.each(["finOnSecond", "resetOnSecond"] as const)(
  "a pooled connection that ends under a GET (%s) is replaced without the client noticing",
  async (how) => {
    ending = how;
    const client = rawClient(worker.httpPort);
    client.send(get("/1"));
    await client.until((text) => text.endsWith("/1|"));
    client.send(get("/2"));
    await client.until((text) => text.endsWith("/2|"));
    expect(client.text()).not.toContain("HTTP/1.1 502");
    expect(paths).toEqual(["/1", "/2", "/2"]);
    client.socket.destroy();
  },
);

test("a POST is not sent a second time when its pooled connection ends", async () => {
  ending = "finOnSecond";
  const client = rawClient(worker.httpPort);
  client.send(get("/1"));
  await client.until((text) => text.endsWith("/1|"));
  client.send(post("/2"));
  await client.until((text) => text.includes("HTTP/1.1 502 Bad Gateway"));
  expect(paths).toEqual(["/1", "/2"]);
  client.socket.destroy();
});

test("one more try goes to a new connection, however many of the pool have ended", async () => {
  ending = "finOnSecond";
  held = [];
  const clients = [rawClient(worker.httpPort), rawClient(worker.httpPort)];
  for (const client of clients) client.send(get("/1"));
  await eventually(() => held?.length === 2);
  for (const answer of held) answer();
  held = null;
  for (const client of clients) await client.until((text) => text.endsWith("/1|"));
  clients[0]?.send(get("/2"));
  await clients[0]?.until((text) => text.endsWith("/2|"));
  expect(paths.filter((path) => path === "/2")).toHaveLength(2);
  for (const client of clients) client.socket.destroy();
});
