/**
 * Country and network of an address, from databases in MaxMind's format that the operator puts
 * into the gateway's folder: `geo/country.mmdb` and `geo/asn.mmdb`.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type AsnResponse, type CountryResponse, Reader, type Response } from "maxmind";

export type GeoDatabase = "country" | "asn";

/** Empty texts are what the database does not know; undefined is that there is none. */
export type Geo = {
  country(address: string): string | undefined;
  asn(address: string): string | undefined;
  /** Why a database cannot be used as it lies there; empty when it can. */
  fault(database: GeoDatabase): string;
};

const LOOK_EVERY_MS = 30_000;
const FILE_BYTES_MAX = 512 * 1_048_576;

/** Reads the databases of a folder when they are first asked for, and again when they change. */
export function geoReader(folder: string, clock: () => number = Date.now): Geo {
  const country = kept<CountryResponse>(join(folder, "country.mmdb"), clock);
  const asn = kept<AsnResponse>(join(folder, "asn.mmdb"), clock);
  return {
    country(address) {
      const { reader } = country();
      if (reader === undefined) return undefined;
      const found = reader.get(address);
      return found?.country?.iso_code ?? found?.registered_country?.iso_code ?? "";
    },
    asn(address) {
      const { reader } = asn();
      if (reader === undefined) return undefined;
      return String(reader.get(address)?.autonomous_system_number ?? "");
    },
    fault: (database) => (database === "country" ? country() : asn()).fault,
  };
}

/** A database that could not be read leaves the one before in use. */
type Kept<Row extends Response> = { readonly reader?: Reader<Row>; readonly fault: string };

function kept<Row extends Response>(file: string, clock: () => number): () => Kept<Row> {
  let known: Kept<Row> = { fault: "" };
  let readMs = 0;
  let lookedMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = clock();
    if (nowMs - lookedMs < LOOK_EVERY_MS) return known;
    lookedMs = nowMs;
    const stats = statSync(file, { throwIfNoEntry: false });
    // A file that is half copied is looked at again when it has changed.
    if (stats === undefined) known = { fault: "is missing" };
    else if (stats.mtimeMs !== readMs || known.fault === "is missing") {
      readMs = stats.mtimeMs;
      known = { ...known, ...opened<Row>(file, stats.size) };
    }
    return known;
  };
}

function opened<Row extends Response>(file: string, bytes: number): Kept<Row> {
  if (bytes > FILE_BYTES_MAX) return { fault: `is larger than ${FILE_BYTES_MAX} bytes` };
  try {
    return { reader: new Reader<Row>(readFileSync(file)), fault: "" };
  } catch (error) {
    return { fault: `cannot be read: ${error instanceof Error ? error.message : error}` };
  }
}

const NAMES = { country: "countries", asn: "networks" } as const;
const SITES_MAX = 3;

/** Sites whose policy asks for what this gateway cannot know: there, `unknown` decides. */
export function geoTroubles(
  sites: readonly {
    readonly intent: { readonly siteId: string };
    readonly policy: { readonly geo: Geo | null; readonly geoAsked: readonly GeoDatabase[] } | null;
  }[],
): string[] {
  return (["country", "asn"] as const).flatMap((database) => {
    const asking = sites.filter(({ policy }) => policy?.geoAsked.includes(database));
    const fault = asking[0]?.policy?.geo?.fault(database) ?? "";
    if (fault === "") return [];
    const ids = asking.slice(0, SITES_MAX).map(({ intent }) => intent.siteId);
    const more = asking.length > SITES_MAX ? ` and ${asking.length - SITES_MAX} more` : "";
    const what = `${ids.join(", ")}${more}: geo/${database}.mmdb ${fault}`;
    return [`cannot tell ${NAMES[database]} for ${what}`];
  });
}
