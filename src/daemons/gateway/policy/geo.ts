/**
 * Country and network of an address, from databases in MaxMind's format: the one that was imported,
 * else one that was put by hand into the gateway's folder (`geo/country.mmdb`, `geo/asn.mmdb`). An
 * imported one goes before, so that every gateway answers as the control plane says.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { AsnResponse, CountryResponse, Reader, Response } from "maxmind";
import {
  countryOf,
  GEO_KINDS,
  type GeoKind,
  networkOf,
  openGeoDatabase,
} from "../../../kernel/geo/database.ts";
import { messageOf } from "../../../kernel/process/text.ts";
import type { GatewayIntent } from "../intent.ts";

/** Empty texts are what the database does not know; undefined is that there is none. */
export type Geo = {
  country(address: string): string | undefined;
  asn(address: string): string | undefined;
  /** Why this database cannot be asked, or is older than its file; empty when all is well. */
  fault(kind: GeoKind): string;
};

const LOOK_EVERY_MS = 30_000;
const FILE_BYTES_MAX = 512 * 1_048_576;

/** Where imported databases lie. */
export const geoFolderOf = (gatewayFolder: string): string => join(gatewayFolder, "geo-imported");

export const importedFile = (gatewayFolder: string, sha256: string): string =>
  join(geoFolderOf(gatewayFolder), `${sha256}.mmdb`);

/**
 * Opens the databases of intents one after the other. A file is read when it is first asked for,
 * so that sites that ask of no country cost no memory.
 */
export function geoOpener(
  gatewayFolder: string,
  clock: () => number = Date.now,
): (intent: Pick<GatewayIntent, "geoDatabases">) => Geo {
  const countries = sourceOf<CountryResponse>(gatewayFolder, "country", clock);
  const networks = sourceOf<AsnResponse>(gatewayFolder, "asn", clock);
  return (intent) => {
    const [country, asn] = [countries(intent), networks(intent)];
    return {
      country(address) {
        const { reader } = country();
        return reader === undefined ? undefined : countryOf(rowOf(reader, address));
      },
      asn(address) {
        const { reader } = asn();
        return reader === undefined ? undefined : networkOf(rowOf(reader, address));
      },
      fault: (kind) => (kind === "country" ? country() : asn()).fault,
    };
  };
}

/** A damaged record is one that the database does not know. */
function rowOf<Row extends Response>(reader: Reader<Row>, address: string): Row | null {
  try {
    return reader.get(address);
  } catch {
    return null;
  }
}

/** A database that could not be read leaves the one before in use. */
type Kept<Row extends Response> = { readonly reader?: Reader<Row>; readonly fault: string };
type Source<Row extends Response> = () => Kept<Row>;

/** Where look-ups of one kind go, by intent; a database that stays the same is read once. */
function sourceOf<Row extends Response>(
  gatewayFolder: string,
  kind: GeoKind,
  clock: () => number,
): (intent: Pick<GatewayIntent, "geoDatabases">) => Source<Row> {
  const byHand = placedByHand<Row>(join(gatewayFolder, "geo", `${kind}.mmdb`), clock);
  let used: { readonly sha256: string; readonly source: Source<Row> } | undefined;
  return ({ geoDatabases = [] }) => {
    const wanted = geoDatabases.find((database) => database.kind === kind)?.sha256;
    if (wanted === undefined) used = undefined;
    else if (wanted !== used?.sha256) {
      used = { sha256: wanted, source: imported<Row>(importedFile(gatewayFolder, wanted)) };
    }
    return used?.source ?? byHand;
  };
}

function imported<Row extends Response>(file: string): Source<Row> {
  let known: Kept<Row> | undefined;
  return () => (known ??= opened<Row>(file));
}

function placedByHand<Row extends Response>(file: string, clock: () => number): Source<Row> {
  let known: Kept<Row> = { fault: "" };
  let readMs = 0;
  let lookedMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = clock();
    if (nowMs - lookedMs < LOOK_EVERY_MS) return known;
    lookedMs = nowMs;
    const stats = statSync(file, { throwIfNoEntry: false });
    // A file that is half copied is looked at again when it has changed.
    if (stats === undefined) known = { fault: MISSING };
    else if (stats.mtimeMs !== readMs || known.fault === MISSING) {
      readMs = stats.mtimeMs;
      known = { ...known, ...opened<Row>(file) };
    }
    return known;
  };
}

const MISSING = "is missing";

function opened<Row extends Response>(file: string): Kept<Row> {
  try {
    const bytes = statSync(file).size;
    if (bytes > FILE_BYTES_MAX) return { fault: `is larger than ${FILE_BYTES_MAX} bytes` };
    return { reader: openGeoDatabase<Row>(readFileSync(file)), fault: "" };
  } catch (error) {
    return { fault: `cannot be read: ${messageOf(error)}` };
  }
}

const NAMES = { country: "countries", asn: "networks" } as const;
const SITES_MAX = 3;

/** Sites whose policy asks for what this gateway cannot know: there, `unknown` decides. */
export function geoTroubles(
  sites: readonly {
    readonly intent: { readonly siteId: string };
    readonly policy: { readonly geo: Geo | null; readonly geoAsked: readonly GeoKind[] } | null;
  }[],
): string[] {
  return GEO_KINDS.flatMap((kind) => {
    const asking = sites.filter(({ policy }) => policy?.geoAsked.includes(kind));
    const fault = asking[0]?.policy?.geo?.fault(kind) ?? "";
    if (fault === "") return [];
    const ids = asking.slice(0, SITES_MAX).map(({ intent }) => intent.siteId);
    const more = asking.length > SITES_MAX ? ` and ${asking.length - SITES_MAX} more` : "";
    const what = `${ids.join(", ")}${more}: the database ${kind}.mmdb ${fault}`;
    return [`cannot tell ${NAMES[kind]} for ${what}`];
  });
}
