/**
 * Country and network of an address, from databases in MaxMind's format that the operator puts
 * into the gateway's folder: `geo/country.mmdb` and `geo/asn.mmdb`.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type AsnResponse, type CountryResponse, Reader, type Response } from "maxmind";

/** Empty texts are what the database does not know; undefined is that there is none. */
export type Geo = {
  country(address: string): string | undefined;
  asn(address: string): string | undefined;
};

const LOOK_EVERY_MS = 30_000;
const FILE_BYTES_MAX = 512 * 1_048_576;

/** Reads the databases of a folder when they are first asked for, and again when they change. */
export function geoReader(folder: string, clock: () => number = Date.now): Geo {
  const country = kept<CountryResponse>(join(folder, "country.mmdb"), clock);
  const asn = kept<AsnResponse>(join(folder, "asn.mmdb"), clock);
  return {
    country(address) {
      const reader = country();
      if (reader === undefined) return undefined;
      const found = reader.get(address);
      return found?.country?.iso_code ?? found?.registered_country?.iso_code ?? "";
    },
    asn(address) {
      const reader = asn();
      if (reader === undefined) return undefined;
      return String(reader.get(address)?.autonomous_system_number ?? "");
    },
  };
}

function kept<Row extends Response>(file: string, clock: () => number) {
  let reader: Reader<Row> | undefined;
  let readMs = 0;
  let lookedMs = Number.NEGATIVE_INFINITY;
  return (): Reader<Row> | undefined => {
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
    return new Reader<Row>(readFileSync(file));
  } catch (error) {
    process.stderr.write(`gateway: cannot read ${file}: ${error}\n`);
    return undefined;
  }
}
