/**
 * Paths of a protocol that is not Cordon's own (ACME, revocation lists, online status), served
 * beside the API. A mount authenticates by its own protocol; the pipeline of operations is not run.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";

export type MountRequest = {
  readonly method: string;
  /** Path below the prefix, with a leading slash, as it was sent. */
  readonly path: string;
  /** Value of the Host field, lower case. */
  readonly host: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly sourceIp: string;
};

export type MountAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer | string;
};

export type Mount = {
  /** Such as `/acme`; without a slash at the end. */
  readonly prefix: string;
  readonly answer: (request: MountRequest) => Promise<MountAnswer>;
};

const limits = {
  bodyBytesMax: 65_536,
  connectionsMax: 500,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
} as const;

/** Serves mounts without TLS: what they answer is signed by itself. */
export async function listenPlain(
  mounts: readonly Mount[],
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Server> {
  const server = createPlainServer(mounts);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return server;
}

function createPlainServer(mounts: readonly Mount[]): Server {
  const server = createServer((request, response) => {
    answerPlain(mounts, request)
      .then(({ status, headers, body }) => {
        response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
        response.end(body);
      })
      .catch(() => {
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
  });
  server.maxConnections = limits.connectionsMax;
  server.headersTimeout = limits.headersTimeoutMs;
  server.requestTimeout = limits.requestTimeoutMs;
  return server;
}

async function answerPlain(
  mounts: readonly Mount[],
  request: IncomingMessage,
): Promise<MountAnswer> {
  const [path = ""] = (request.url ?? "").split("?");
  const mount = mounts.find(({ prefix }) => path.startsWith(`${prefix}/`));
  if (mount === undefined) return { status: 404, headers: {}, body: "" };
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    const data = Buffer.from(piece);
    bytes += data.length;
    if (bytes > limits.bodyBytesMax) return { status: 413, headers: {}, body: "" };
    pieces.push(data);
  }
  return mount.answer({
    method: request.method ?? "GET",
    path: path.slice(mount.prefix.length),
    host: (request.headers.host ?? "").toLowerCase(),
    contentType: request.headers["content-type"] ?? "",
    body: Buffer.concat(pieces),
    sourceIp: request.socket.remoteAddress ?? "",
  });
}
