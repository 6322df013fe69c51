/**
 * Verifies crawlers as their operators say to: the address resolves to a name of theirs, and that
 * name back to the address. Answers come from memory; a request never waits for a name server.
 */
import { Resolver } from "node:dns/promises";
import { readAddress } from "../../../engines/sitepolicy/address.ts";
import type { Crawler } from "./bots.ts";

const limits = {
  addressesMax: 10_000,
  lookupsMax: 32,
  verifiedMs: 86_400_000,
  fakeMs: 3_600_000,
  /** After a name server did not answer. */
  unknownMs: 60_000,
  namesMax: 4,
} as const;

export type CrawlerState = "verified" | "fake" | "unknown";

export type Crawlers = {
  /** What is known of a client that calls itself one of the crawlers; null for any other. */
  check(address: string, userAgent: string): { name: string; state: CrawlerState } | null;
};

type Names = Pick<Resolver, "reverse" | "resolve4" | "resolve6">;
type Known = { state: CrawlerState; untilMs: number };

/** Watches for crawlers; `servers` are `address:port` of name servers, default the system's. */
export function createCrawlers(
  crawlers: readonly Crawler[],
  { servers, clock = Date.now }: { servers?: readonly string[]; clock?: () => number } = {},
): Crawlers {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  const known = new Map<string, Known>();
  let lookups = 0;
  const lookUp = (key: string, address: string, domains: readonly string[]): void => {
    if (lookups >= limits.lookupsMax) return;
    lookups++;
    // One look-up for an address at a time: what is not known yet is unknown for a while.
    keep(known, key, { state: "unknown", untilMs: clock() + limits.unknownMs });
    void verify(resolver, address, domains).then((state) => {
      lookups--;
      keep(known, key, { state, untilMs: clock() + limits[`${state}Ms`] });
    });
  };
  return {
    check(address, userAgent) {
      const agent = userAgent.toLowerCase();
      const crawler = crawlers.find((one) => agent.includes(one.agent));
      if (crawler === undefined) return null;
      const key = `${crawler.name} ${address}`;
      const found = known.get(key);
      if (found === undefined || found.untilMs <= clock()) {
        lookUp(key, address, crawler.domains);
      }
      return { name: crawler.name, state: found?.state ?? "unknown" };
    },
  };
}

function keep(known: Map<string, Known>, key: string, value: Known): void {
  known.delete(key);
  if (known.size >= limits.addressesMax) {
    const oldest = known.keys().next();
    if (oldest.done !== true) known.delete(oldest.value);
  }
  known.set(key, value);
}

async function verify(
  resolver: Names,
  address: string,
  domains: readonly string[],
): Promise<CrawlerState> {
  try {
    const names = await resolver.reverse(address);
    const theirs = names
      .map((name) => name.toLowerCase().replace(/\.$/, ""))
      .filter((name) => domains.some((domain) => name.endsWith(`.${domain}`)));
    for (const name of theirs.slice(0, limits.namesMax)) {
      if (await leadsBack(resolver, name, address)) return "verified";
    }
    return "fake";
  } catch (error) {
    return isAbsent(error) ? "fake" : "unknown";
  }
}

async function leadsBack(resolver: Names, name: string, address: string): Promise<boolean> {
  try {
    const found = address.includes(":")
      ? await resolver.resolve6(name)
      : await resolver.resolve4(name);
    return found.some((one) => sameAddress(one, address));
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

function sameAddress(left: string, right: string): boolean {
  const [one, other] = [new Uint32Array(4), new Uint32Array(4)];
  return (
    readAddress(left, one) && readAddress(right, other) && one.every((w, at) => w === other[at])
  );
}

const isAbsent = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  (error.code === "ENOTFOUND" || error.code === "ENODATA");
