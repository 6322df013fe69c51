/**
 * CPU of the look at first bytes: per hello, and per new TLS connection with and without it, in
 * alternation. The process measured has one TLS server, which gets the sockets of one port straight
 * and those of another through the gateway's look. Prints figures; judges nothing.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { connect, createServer as createTlsServer } from "node:tls";
import { peek } from "../src/daemons/gateway/first-bytes.ts";
import { gatewayLimits } from "../src/daemons/gateway/limits.ts";
import { readClientHello } from "../src/engines/tls/client-hello.ts";
import { ja4 } from "../src/engines/tls/ja4.ts";
import { capturedHellos } from "../test/captured-hellos.ts";
import { certificateFolder } from "../test/certificate-files.ts";
import { cpuMicroseconds } from "./process.ts";
import { printRow } from "./row.ts";

const BENCH = "gateway-hello";
const HELLOS = 20_000;
const HELLO_ROUNDS = 7;
/** Short and many: on a machine that does other things, too, only neighbors can be compared. */
const ROUNDS = 80;
const CONNECTIONS = 20;
const WARM_UP_ROUNDS = 15;

type Pair = { readonly certificatePem: string; readonly privateKeyPem: string };

/** The measured process: tells the port without the look, then that with it. */
async function serve({ certificatePem: cert, privateKeyPem: key }: Pair): Promise<void> {
  const tls = createTlsServer({ cert, key, noDelay: true }, (socket) => {
    socket.on("error", () => {});
    socket.end("x");
  });
  tls.on("tlsClientError", () => {});
  const straight = (socket: Socket) => tls.emit("connection", socket);
  const looked = (socket: Socket) =>
    peek({ limits: gatewayLimits }, socket, {
      wantsHello: true,
      wantsProxyHeader: false,
      take: ({ hello, deadline }) => {
        clearTimeout(deadline);
        if (hello !== null && ja4(hello).length !== 36) throw new Error("no JA4");
        straight(socket);
      },
    });
  const ports: number[] = [];
  for (const take of [straight, looked]) {
    const server = createServer({ noDelay: true }, take).listen(0, "127.0.0.1");
    await once(server, "listening");
    ports.push((server.address() as AddressInfo).port);
  }
  process.send?.(ports);
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;

/** CPU of the process per connection of a client that comes for the first time each time. */
async function costOf(pid: number, port: number): Promise<number> {
  const before = cpuMicroseconds(pid);
  for (let count = 0; count < CONNECTIONS; count++) {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    socket.resume();
    await once(socket, "close");
  }
  return (cpuMicroseconds(pid) - before) / CONNECTIONS;
}

function measureHellos(): void {
  for (const { client, hello } of capturedHellos()) {
    const rounds = Array.from({ length: HELLO_ROUNDS }, () => {
      const before = process.cpuUsage();
      for (let count = 0; count < HELLOS; count++) {
        const reading = readClientHello(hello);
        if (reading.kind !== "hello" || ja4(reading.hello) === "") throw new Error("no hello");
      }
      const { user, system } = process.cpuUsage(before);
      return (user + system) / HELLOS;
    });
    const what = `read and hash the hello of ${client}`;
    printRow({ bench: BENCH, what, value: median(rounds), unit: "µs CPU" });
  }
}

async function measureConnections(): Promise<void> {
  const files = certificateFolder();
  const child = fork(import.meta.filename, ["serve"]);
  try {
    child.send(files.issue("a", ["a.test"]));
    const [[straight, looked]] = await once(child, "message");
    const pid = child.pid ?? 0;
    const rounds: { without: number; with: number }[] = [];
    for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
      const without = await costOf(pid, straight);
      const measured = { without, with: await costOf(pid, looked) };
      if (round >= 0) rounds.push(measured);
    }
    printRow({
      bench: BENCH,
      what: `new TLS connection (P-256), median of ${ROUNDS} rounds`,
      value: median(rounds.map((one) => one.with)),
      unit: "µs CPU",
      peer: { name: "without the look", value: median(rounds.map((one) => one.without)) },
      ratio: median(rounds.map((one) => one.with / one.without)),
    });
  } finally {
    child.kill();
    files.remove();
  }
}

if (process.argv[2] === "serve") {
  process.once("message", (pair) => serve(pair as Pair));
} else {
  measureHellos();
  await measureConnections();
}
