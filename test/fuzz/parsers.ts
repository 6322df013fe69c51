/**
 * Fuzzing of everything that reads bytes of strangers before a rule sees them: what is run, what
 * must hold, and what counts as new behavior. Deterministic for a seed.
 */

import { requestText } from "../../src/daemons/gateway/http2-request.ts";
import { limits } from "../../src/engines/http1/limits.ts";
import { parseRequestStream, type StreamedRequest } from "../../src/engines/http1/parse-stream.ts";
import { parseResponseHead } from "../../src/engines/http1/response.ts";
import { lastChunk, writeFields } from "../../src/engines/http1/write.ts";
import { readProxyHeader } from "../../src/engines/proxyprotocol/header.ts";
import { readClientHello } from "../../src/engines/tls/client-hello.ts";
import { ja4 } from "../../src/engines/tls/ja4.ts";

/** xorshift32: small, and the same everywhere. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const tokens = [
  ...["\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", ";", "=", '"', "\\", "\x0b", "\x85", "\xa0"],
  ...[
    "Content-Length: ",
    "Transfer-Encoding: chunked\r\n",
    "Host: a.test\r\n",
    "chunked",
    "0",
    "5",
  ],
  ...[
    "HTTP/1.1",
    "HTTP/1.0",
    "GET ",
    "POST ",
    "CONNECT ",
    "OPTIONS * ",
    "http://b.test",
    "0\r\n\r\n",
  ],
  ...[
    "Connection: close",
    "Upgrade: websocket",
    "Expect: 100-continue\r\n",
    "ffffffff",
    "-1",
    "+1",
  ],
  ...["PROXY TCP4 ", "\x16\x03\x01", "1;x=y\r\n", "Transfer-Encoding : chunked", "\r\n\r\nGET / "],
];
const INPUT_BYTES_MAX = 8_192;
const MUTATIONS_MAX = 6;

/** A neighbor of one input, sometimes crossed with another. */
export function mutated(input: string, other: string, random: (below: number) => number): string {
  let text = input;
  for (let left = 1 + random(MUTATIONS_MAX); left > 0; left--) {
    const at = random(text.length + 1);
    const kind = random(7);
    const token = tokens[random(tokens.length)] ?? "";
    if (kind === 0) text = text.slice(0, at) + token + text.slice(at);
    else if (kind === 1) text = text.slice(0, at) + text.slice(at + 1 + random(4));
    else if (kind === 2)
      text = text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
    else if (kind === 3) text = text.slice(0, at) + text.slice(random(at + 1), at) + text.slice(at);
    else if (kind === 4) text = text.slice(0, at) + other.slice(random(other.length + 1));
    else if (kind === 5) text = text.slice(0, at) + token.repeat(1 + random(40)) + text.slice(at);
    else text = text.slice(0, at) + token + text.slice(at + token.length);
  }
  return text.slice(0, INPUT_BYTES_MAX);
}

/** The input cut into pieces of any size. */
function pieces(bytes: Buffer, random: (below: number) => number): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random(random(4) === 0 ? 3 : 200);
    cut.push(bytes.subarray(at, at + size));
    at += size;
  }
  return cut;
}

/** A request as the gateway would write it for the next hop. */
function rewritten({ head, body, trailers }: StreamedRequest): string {
  const start = `${head.method} ${head.target} ${head.protocol}\r\n${writeFields(head.fields)}\r\n`;
  if (head.framing.kind !== "chunked") return start + body;
  const chunk =
    body === "" ? "" : `${Buffer.byteLength(body, "latin1").toString(16)}\r\n${body}\r\n`;
  return start + chunk + lastChunk(trailers.names.length === 0 ? null : trailers);
}

const seenOf = (requests: StreamedRequest[]): string => JSON.stringify(requests);

/**
 * Runs every parser on one input.
 *
 * @returns what each of them did, in words; an input is new when one of them is.
 * @throws Error that names the promise that was broken.
 */
export function runParsers(input: string, random: (below: number) => number): string[] {
  const bytes = Buffer.from(input, "latin1");
  const whole = parseRequestStream([bytes]);
  const inPieces = parseRequestStream(pieces(bytes, random));
  if (seenOf(whole) !== seenOf(inPieces)) throw new Error("pieces change what is read");
  for (const request of whole.filter(({ complete }) => complete)) {
    const [again, ...more] = parseRequestStream([Buffer.from(rewritten(request), "latin1")]);
    const isSame =
      again?.complete === true &&
      more.length === 0 &&
      again.body === request.body &&
      seenOf([{ ...again, trailers: request.trailers }]) === seenOf([request]);
    if (!isSame) throw new Error("an accepted request reads otherwise once it is written again");
  }
  const response = parseResponseHead(input, "GET", limits);
  const proxy = readProxyHeader(bytes);
  const stream = requestText(fieldsOf(input), random(2) === 1, () => "key");
  checkStream(stream);
  const requests = whole.slice(0, 3).map(({ head, fault }) => `${fault} ${head.framing.kind}`);
  return [
    ...requests.map((words, at) => `request ${at} ${words}`),
    `requests ${Math.min(whole.length, 5)}`,
    `response ${response.fault} ${response.framing.kind}`,
    `proxy ${proxy.kind}`,
    helloWords(bytes, random),
    `stream ${stream.fault}`,
  ];
}

const JA4 = /^t([01s][0-3]|d[1-3])[di]\d{4}[0-9A-Za-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$/;

/** What was read of a hello, and that it does not depend on how its bytes came. */
function helloWords(bytes: Buffer, random: (below: number) => number): string {
  const whole = readClientHello(bytes);
  const first = bytes.subarray(0, random(bytes.length + 1));
  const early = readClientHello(first);
  for (const [reading, size] of [[whole, bytes.length] as const, [early, first.length] as const]) {
    if (reading.kind === "more" && reading.bytesMin <= size) {
      throw new Error("a hello asks for what it has");
    }
  }
  if (early.kind !== "more" && JSON.stringify(early) !== JSON.stringify(whole)) {
    throw new Error("later bytes change what was read of a hello");
  }
  if (whole.kind !== "hello") return whole.kind;
  const print = ja4(whole.hello);
  if (!JA4.test(print)) throw new Error(`"${print}" is no JA4`);
  return `${whole.hello.serverName === ""} ${print.slice(0, 4)}`;
}

/** Names and values as an HTTP/2 client might send them: whatever stands around the colons. */
function fieldsOf(input: string): string[] {
  const pairs = input.split("\r\n").map((line) => line.split(": "));
  const pseudo = [":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/"];
  return [...pseudo, ...pairs.flatMap(([name = "", ...rest]) => [name, rest.join(": ")])];
}

/** A stream without fault is exactly one request for the HTTP/1 parser. */
function checkStream({ text, fault, isChunked }: ReturnType<typeof requestText>): void {
  const whole = isChunked ? `${text}0\r\n\r\n` : text;
  const requests = parseRequestStream([Buffer.from(whole, "latin1")]);
  if (fault === null && requests.length > 1) throw new Error("a stream became two requests");
}
