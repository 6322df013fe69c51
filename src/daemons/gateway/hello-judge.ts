/**
 * A second opinion on hellos, for tests: OpenSSL reads them in a process of its own and writes what
 * it found as text (SSL_trace); JA4 is put together from that text. Test code only.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Pair = { readonly certificatePem: string; readonly privateKeyPem: string };

const PROGRAM = `
const { certificatePem: cert, privateKeyPem: key } = JSON.parse(process.argv[1]);
const { createServer } = require("node:tls");
const server = createServer({ cert, key, enableTrace: true }, (socket) => {
  socket.on("error", () => {});
  socket.end();
});
server.on("tlsClientError", (_error, socket) => socket.destroy());
server.listen(0, "127.0.0.1", () => process.stdout.write(String(server.address().port)));
process.stdin.resume().on("end", () => process.exit(0));
`;

export type HelloJudge = {
  readonly port: number;
  /** JA4 of every hello so far. */
  prints(): string[];
  stop(): Promise<void>;
};

/** Starts it; a client that connects to its port gets an empty answer. */
export async function startHelloJudge(pair: Pair): Promise<HelloJudge> {
  // A file, since OpenSSL drops what a pipe cannot take at once.
  const folder = mkdtempSync(join(tmpdir(), "cordon-hello-judge-"));
  const file = join(folder, "trace.txt");
  const trace = openSync(file, "w");
  const child = spawn(process.execPath, ["-e", PROGRAM, JSON.stringify(pair)], {
    stdio: ["pipe", "pipe", trace],
  });
  closeSync(trace);
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error("The judge has no pipes");
  const [port] = await once(stdout, "data");
  return {
    port: Number(port),
    prints: () =>
      readFileSync(file, "utf8")
        .split(/^(?=(?:Sent|Received) TLS Record)/m)
        .flatMap(printOf),
    async stop() {
      const ended = once(child, "exit");
      stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The fingerprint of a traced hello, none for any other record or one not yet written whole. */
function printOf(record: string): string[] {
  if (!/^ {4}ClientHello, /m.test(record) || !/^ {6}extensions?, /m.test(record)) return [];
  const suites = [...record.matchAll(/^ +\{0x(..), 0x(..)\}/gm)].map(([, high, low]) =>
    `${high}${low}`.toLowerCase(),
  );
  const extensions = [
    ...record.matchAll(/^ +extension_type=.*\((\d+)\), length=\d+\n((?: {10}.*\n)*)/gm),
  ].map(([, type, text = ""]) => ({ type: hexOf(Number(type)), text }));
  const textOf = (type: string) => extensions.find((one) => one.type === type)?.text ?? "";
  const versions = [...textOf("002b").matchAll(/\((\d+)\)$/gm)].map(([, value]) => Number(value));
  const version = Math.max(...versions.filter((value) => !isGrease(hexOf(value))), 0x0303);
  const protocol = /\S+/.exec(textOf("0010"))?.[0] ?? "0";
  const algorithms = [...textOf("000d").matchAll(/\(0x([0-9a-f]{4})\)$/gm)].map(
    ([, hex = ""]) => hex,
  );
  const types = extensions.map(({ type }) => type).filter((type) => !isGrease(type));
  const kept = suites.filter((suite) => !isGrease(suite));
  const rest = types.filter((type) => type !== "0000" && type !== "0010").sort();
  const named = types.includes("0000") ? "d" : "i";
  const signed = algorithms.filter((one) => !isGrease(one)).join(",");
  return [
    `t1${version - 0x0301}${named}${twoDigits(kept)}${twoDigits(types)}` +
      `${protocol.at(0)}${protocol.at(-1)}_${digest(kept.sort().join(","))}` +
      `_${digest(`${rest.join(",")}_${signed}`)}`,
  ];
}

const hexOf = (value: number): string => value.toString(16).padStart(4, "0");
const isGrease = (hex: string): boolean => /^(.)a\1a$/.test(hex);
const twoDigits = (list: readonly unknown[]): string => String(list.length).padStart(2, "0");
const digest = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 12);
