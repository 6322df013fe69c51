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
  type GeoKind,
  networkOf,
  openGeoDatabase,
} from "../../../kernel/geo/database.ts";
import type { GatewayIntent } from "../intent.ts";

/** Empty texts are what the database does not know; undefined is that there is none. */
export type Geo = {
  country(address: string): string | undefined;
  asn(address: string): string | undefined;
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
        const reader = country();
        return reader === undefined ? undefined : countryOf(rowOf(reader, address));
      },
      asn(address) {
        const reader = asn();
        return reader === undefined ? undefined : networkOf(rowOf(reader, address));
      },
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

type Source<Row extends Response> = () => Reader<Row> | undefined;

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
  let reader: Reader<Row> | undefined;
  let isRead = false;
  return () => {
    if (!isRead) reader = open(file);
    isRead = true;
    return reader;
  };
}

function placedByHand<Row extends Response>(file: string, clock: () => number): Source<Row> {
  let reader: Reader<Row> | undefined;
  let readMs = 0;
  let lookedMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = clock();
    if (nowMs - lookedMs < LOOK_EVERY_MS) return reader;
    lookedMs = nowMs;
    const changed = changeOf(file);
    if (changed === undefined) reader = undefined;
    else if (changed !== readMs) {
      reader = open(file) ?? reader;
      readMs = changed;
    }
    return reader;
  };
}

function changeOf(file: string): number | undefined {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined || stats.size > FILE_BYTES_MAX ? undefined : stats.mtimeMs;
}

/** A file that is half copied is looked at again when it has changed. */
function open<Row extends Response>(file: string): Reader<Row> | undefined {
  try {
    return openGeoDatabase<Row>(readFileSync(file));
  } catch (error) {
    process.stderr.write(`gateway: cannot read ${file}: ${error}\n`);
    return undefined;
  }
}
