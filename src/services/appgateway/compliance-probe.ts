/**
 * Looks at a site by real requests. They go to one place only: the gateway's own listeners, whose
 * address is a setting of the operator. The site's domain is a name in the handshake and in Host;
 * it is never resolved, no redirect is followed and nothing of the answer leads anywhere, so no
 * site, record or answer can send a probe elsewhere.
 */
import { randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";
import tls from "node:tls";
import type { Seen, SeenAnswer } from "./compliance-rules.ts";

const limits = { timeoutMs: 5_000, bodyBytesMax: 65_536, foldersMax: 3 } as const;

/** The gateway's listeners. */
export type GatewayPlace = {
  /** As the operator set it; nothing of an account changes it. */
  readonly address: string;
  readonly httpPort: number;
  readonly httpsPort: number;
};

export type ProbeTarget = {
  readonly siteId: string;
  readonly domain: string;
  readonly gateway: GatewayPlace;
  /** Folders that were asked for lately. */
  readonly folders: readonly string[];
  /** Takes the id that the gateway gave a request of this check. */
  readonly noteRequest: (requestId: string) => void;
};

/** Nothing was judged; the message says why and may be shown to the account. */
export class ProbeError extends Error {
  override readonly name = "ProbeError";
}

type Asked = {
  readonly path: string;
  readonly method?: string;
  readonly isSecure: boolean;
  /** Whether it shows that a gateway listens there, before anything else is asked. */
  readonly isFirst?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
};

/** What the requests of a check call themselves; anybody may, so it proves nothing. */
export const CHECK_AGENT = "Cordon-compliance-check";
/** An origin that no site has (RFC 6761 §6.4). */
const STRANGER = "https://cordon-check.invalid";

/** @throws ProbeError when no gateway answers there, or what answers is none. */
export async function probeSite(target: ProbeTarget): Promise<Seen> {
  const plain = await ask(target, { path: "/", isSecure: false, isFirst: true });
  const secure = await ask(target, { path: "/", isSecure: true, isFirst: true });
  const { address, httpPort, httpsPort } = target.gateway;
  if (plain === null && secure === null) {
    throw new ProbeError(
      `no gateway answers at ${address}, ports ${httpPort} and ${httpsPort}; ` +
        "checks reach the gateway beside this control plane only",
    );
  }
  const isSecure = secure !== null;
  const of = (path: string, method?: string, headers?: Readonly<Record<string, string>>) =>
    ask(target, {
      ...{ path, isSecure },
      ...(method === undefined ? {} : { method }),
      ...(headers === undefined ? {} : { headers }),
    });
  const folders = [];
  for (const path of ["/", ...target.folders].slice(0, limits.foldersMax)) {
    folders.push({ path, answer: await of(path) });
  }
  return {
    http: plain,
    https: secure,
    missing: await of(`/cordon-check-${randomBytes(6).toString("hex")}`),
    head: await of("/", "HEAD"),
    trace: await of("/", "TRACE"),
    options: await of("/", "OPTIONS"),
    unknownMethod: await of("/", "CORDON"),
    strangeOrigin: await of("/", "GET", { origin: STRANGER }),
    folders,
    tls: {
      "1.0": isSecure ? await accepts(target, "TLSv1") : null,
      "1.1": isSecure ? await accepts(target, "TLSv1.1") : null,
      "1.2": isSecure ? await accepts(target, "TLSv1.2") : null,
      "1.3": isSecure ? await accepts(target, "TLSv1.3") : null,
    },
    certificate: isSecure ? await certificateOf(target) : null,
  };
}

/** What the gateway writes into every answer, and no server behind it can (RFC 9562 §5.4). */
const GATEWAY_MARK = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * One request, without a body; null without an answer.
 *
 * @throws ProbeError when what answers there is no gateway, so that no other service is asked on.
 */
function ask(target: ProbeTarget, asked: Asked): Promise<SeenAnswer | null> {
  const { path, method = "GET", isSecure, isFirst = false, headers } = asked;
  const { address, httpPort, httpsPort } = target.gateway;
  return new Promise((resolve, reject) => {
    const options: https.RequestOptions = {
      ...{ host: address, port: isSecure ? httpsPort : httpPort, path, method },
      ...{ agent: false, rejectUnauthorized: false, servername: target.domain },
      signal: AbortSignal.timeout(limits.timeoutMs),
      headers: {
        host: target.domain,
        "user-agent": CHECK_AGENT,
        accept: "text/html,*/*",
        ...headers,
      },
    };
    const outgoing = (isSecure ? https : http).request(options, (response) => {
      const requestId = String(response.headers["x-request-id"]);
      if (GATEWAY_MARK.test(requestId)) target.noteRequest(requestId);
      else if (isFirst) {
        outgoing.destroy();
        reject(new ProbeError(`what answers at ${address}:${options.port} is no gateway`));
        return;
      }
      const pieces: Buffer[] = [];
      let bytes = 0;
      const answered = () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: pairs(response.rawHeaders),
          body: Buffer.concat(pieces).toString("utf8"),
        });
      response.on("data", (piece: Buffer) => {
        bytes += piece.length;
        pieces.push(piece);
        if (bytes < limits.bodyBytesMax) return;
        answered();
        outgoing.destroy();
      });
      response.on("end", answered);
      response.on("error", answered);
    });
    outgoing.on("error", () => resolve(null));
    outgoing.end();
  });
}

function pairs(raw: readonly string[]): (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    found.push([(raw[at] ?? "").toLowerCase(), raw[at + 1] ?? ""]);
  }
  return found;
}

/** Whether a handshake of exactly this version succeeds. */
async function accepts(target: ProbeTarget, version: tls.SecureVersion): Promise<boolean> {
  const socket = await handshake(target, {
    minVersion: version,
    maxVersion: version,
    // Old versions need old signatures, which OpenSSL offers at this level only.
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  socket?.destroy();
  return socket !== null;
}

async function certificateOf(target: ProbeTarget): Promise<Seen["certificate"]> {
  const socket = await handshake(target, {});
  if (socket === null) return null;
  const { valid_to, subject } = socket.getPeerCertificate();
  const fault = socket.authorizationError;
  socket.destroy();
  const daysLeft = Math.floor((Date.parse(valid_to) - Date.now()) / 86_400_000);
  return { fault: fault ? String(fault) : "", daysLeft, subject: String(subject?.CN ?? "") };
}

function handshake(
  { gateway, domain }: ProbeTarget,
  options: tls.ConnectionOptions,
): Promise<tls.TLSSocket | null> {
  return new Promise((resolve) => {
    const socket = tls.connect({
      ...options,
      ...{ host: gateway.address, port: gateway.httpsPort, servername: domain },
      rejectUnauthorized: false,
    });
    // Of the whole handshake: one that sends a byte now and then is never idle.
    const timer = setTimeout(() => failed(), limits.timeoutMs);
    const failed = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(null);
    };
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.on("error", failed);
    socket.once("close", failed);
  });
}
