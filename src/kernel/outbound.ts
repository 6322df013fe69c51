/**
 * Connections that an account makes Cordon open: validation of challenges, ACME providers, DNS
 * providers, receivers of notifications. Only public addresses are reached, and those blocks that
 * the operator allowed; the address that was checked is the address that is connected to, so that
 * no second answer of the DNS can lead elsewhere.
 */

import { lookup, Resolver } from "node:dns/promises";
import http from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

export const outboundLimits = {
  timeoutMs: 10_000,
  answerBytesMax: 1_048_576,
  addressesMax: 8,
} as const;

/** Why nothing was sent or nothing came; the message may be shown to the account. */
export class OutboundError extends Error {
  override readonly name = "OutboundError";
}

export type OutboundAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
};

export type OutboundRequest = {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Roots to trust beside the system's, PEM. */
  readonly trustPem?: string;
  readonly bytesMax?: number;
  readonly timeoutMs?: number;
};

export type Outbound = {
  request(request: OutboundRequest): Promise<OutboundAnswer>;
  /** Texts of the TXT records of a name; none when there is none. */
  txt(name: string): Promise<string[]>;
  /** The address, when it may be reached. @throws OutboundError */
  checked(address: string): string;
  /**
   * The address to connect to for a host, for protocols other than HTTP. Connect to it and not to
   * the name, whose next answer may be another one. @throws OutboundError
   */
  resolved(host: string): Promise<string>;
};

/** Opens the way out. */
export function createOutbound(settings: {
  /** Blocks that are not public and may yet be reached. */
  readonly privateTargets: readonly string[];
  /** `address:port` of a DNS server; undefined = the system's. */
  readonly resolver: string | undefined;
}): Outbound {
  const allowed = settings.privateTargets.map((cidr) => ipaddr.parseCIDR(withLength(cidr)));
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  if (settings.resolver !== undefined) resolver.setServers([settings.resolver]);
  const addressesOf = async (host: string): Promise<string[]> => {
    if (settings.resolver === undefined) {
      return (await lookup(host, { all: true })).map(({ address }) => address);
    }
    const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    return found.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  };
  const checked = (address: string): string => {
    if (isReachable(address, allowed)) return address;
    throw new OutboundError(
      `${address} is not a public address; whoever runs this Cordon can allow its block`,
    );
  };
  const resolved = async (host: string): Promise<string> => {
    const bare = host.replace(/^\[|\]$/g, "");
    const addresses = isIP(bare) === 0 ? await addressesOf(bare).catch(() => []) : [bare];
    const [first] = addresses.slice(0, outboundLimits.addressesMax).map(checked);
    if (first === undefined) throw new OutboundError(`${host} has no address`);
    return first;
  };
  return {
    checked,
    resolved,
    txt: async (name) => {
      const records = await resolver.resolveTxt(name).catch((error: unknown) => {
        const code = error instanceof Error && "code" in error ? error.code : "";
        if (code === "ENOTFOUND" || code === "ENODATA") return [];
        throw new OutboundError(`The TXT records of ${name} cannot be read: ${String(code)}`);
      });
      return records.map((pieces) => pieces.join(""));
    },
    async request(request) {
      const url = new URL(request.url);
      const address = await resolved(url.hostname);
      return send(request, url, address);
    },
  };
}

function withLength(cidr: string): string {
  if (cidr.includes("/")) return cidr;
  return `${cidr}/${isIP(cidr) === 6 ? 128 : 32}`;
}

type Block = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

function isReachable(text: string, allowed: readonly Block[]): boolean {
  if (isIP(text) === 0) return false;
  // An IPv4 address in IPv6 clothes is judged as what it is.
  const address = ipaddr.process(text);
  if (address.range() === "unicast") return true;
  return allowed.some(
    ([network, length]) => network.kind() === address.kind() && address.match(network, length),
  );
}

function send(request: OutboundRequest, url: URL, address: string): Promise<OutboundAnswer> {
  const pinned: LookupFunction = (_host, options, done) => {
    const family = isIP(address);
    if (options.all) done(null, [{ address, family }]);
    else done(null, address, family);
  };
  const isTls = url.protocol === "https:";
  const timeoutMs = request.timeoutMs ?? outboundLimits.timeoutMs;
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(new OutboundError(`${url.host}: ${error.message.slice(0, 300)}`));
    const options: https.RequestOptions = {
      method: request.method ?? "GET",
      headers: { "user-agent": "Cordon", ...request.headers },
      lookup: pinned,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      ...(request.trustPem ? { ca: [request.trustPem] } : {}),
    };
    // No redirect is followed: it could lead to what was not checked.
    const outgoing = (isTls ? https : http).request(url, options, (response) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      response.on("data", (piece: Buffer) => {
        bytes += piece.length;
        if (bytes <= (request.bytesMax ?? outboundLimits.answerBytesMax)) pieces.push(piece);
        else outgoing.destroy(new Error("the answer is too long"));
      });
      response.on("error", fail);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: flatHeaders(response.headers),
          body: Buffer.concat(pieces),
        }),
      );
    });
    outgoing.on("error", fail);
    outgoing.end(request.body);
  });
}

function flatHeaders(headers: http.IncomingHttpHeaders): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : value,
    ]),
  );
}
