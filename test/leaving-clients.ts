/**
 * A program whose clients do not stay: over HTTP/1.1, TLS, HTTP/2 and WebSocket they ask for
 * something and are gone at some moment, in some way. Arguments: the port for HTTP, that for
 * HTTPS, how many clients, and the seed of what they do.
 */
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";

const [httpPort = 0, httpsPort = 0, count = 0, seed = 1] = process.argv.slice(2).map(Number);
const HOST = "a.test";
const AT_ONCE = 60;
const PATHS = ["/", "/big", "/slow", "/late", "/reset", "/half"];
const WAITS_MS = [0, 0, 1, 5, 20, 80, 200, 400];
const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

let state = seed;
/** A number from 0 to `below` - 1: the generator of POSIX's example of rand(), its high bits. */
function draw(below: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  return (state >>> 8) % below;
}
const oneOf = <T>(list: readonly T[]): T => list[draw(list.length)] as T;

function leave(raw: Socket, socket: Socket): void {
  const ways = [() => raw.resetAndDestroy(), () => raw.destroy(), () => socket.end()];
  oneOf([...ways, () => raw.pause()])();
  setTimeout(() => raw.destroy(), draw(300)).unref();
}

function requestText(): string {
  const head = `${oneOf(PATHS)} HTTP/1.1\r\nHost: ${HOST}\r\n`;
  const texts = [
    () => `GET ${head}\r\n`,
    () => `GET ${head}\r\n`.slice(0, draw(40)),
    () => `POST ${head}Content-Length: 100000\r\n\r\n${"x".repeat(draw(100_001))}`,
    () => `POST ${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
    () => `GET /ws HTTP/1.1\r\nHost: ${HOST}\r\n${UPGRADE}${KEY}\r\n`,
  ];
  return oneOf(texts)();
}

function speakHttp1(socket: Socket): void {
  socket.write(requestText());
  if (draw(2) === 0) socket.resume();
}

function speakHttp2(socket: TLSSocket): void {
  const session = connectHttp2(`https://${HOST}`, { createConnection: () => socket });
  session.on("error", () => {});
  for (let streams = draw(6); streams >= 0; streams--) {
    const method = draw(3) === 0 ? "POST" : "GET";
    const stream = session.request(
      { ":path": oneOf(PATHS), ":method": method, ":authority": HOST },
      { endStream: draw(3) > 0 },
    );
    stream.on("error", () => {});
    if (draw(2) === 0) stream.resume();
    if (draw(4) === 0) setTimeout(() => stream.close(), draw(50)).unref();
  }
  if (draw(4) === 0) session.close();
}

/** Begins a connection; the socket that carries it. */
function begin(): Socket {
  const raw = connect(draw(3) === 0 ? httpPort : httpsPort, "127.0.0.1");
  raw.on("error", () => {});
  const waitMs = oneOf(WAITS_MS);
  const speakThenLeave = (speak: () => void, socket: Socket) => {
    speak();
    setTimeout(() => leave(raw, socket), waitMs);
  };
  if (draw(12) === 0) setTimeout(() => raw.destroy(), draw(10));
  raw.once("connect", () => {
    if (raw.remotePort === httpPort) speakThenLeave(() => speakHttp1(raw), raw);
    else if (draw(8) === 0) speakThenLeave(() => raw.write("\x16\x03\x01\x02\0\x01\0"), raw);
    else {
      const wants = draw(3) === 0 ? "http/1.1" : "h2";
      const options = { servername: HOST, rejectUnauthorized: false, ALPNProtocols: [wants] };
      const secure = connectTls({ socket: raw, ...options }, () => {
        const speak = () => (wants === "h2" ? speakHttp2(secure) : speakHttp1(secure));
        speakThenLeave(speak, secure);
      });
      secure.on("error", () => {});
    }
  });
  return raw;
}

let begun = 0;
let over = 0;
function beginNext(): void {
  if (begun >= count) return;
  begun++;
  const raw = begin();
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    over++;
    // Not by itself: a process that ended with such sockets has been seen not to.
    if (over === count) process.exit();
    setImmediate(beginNext);
  };
  raw.once("close", end);
  // Of some that were destroyed under TLS Node has been seen not to say that they are closed.
  setTimeout(() => {
    raw.destroy();
    end();
  }, 2_000);
}
for (let first = 0; first < AT_ONCE; first++) beginNext();
