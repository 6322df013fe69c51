/**
 * Databases of countries and networks in MaxMind's format (MaxMind DB File Format 2.0): opened with
 * the library that gateways look addresses up with, checked record by record, and packed to travel.
 */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { type AsnResponse, type CountryResponse, Reader, type Response } from "maxmind";
import { leavesOf } from "./search-tree.ts";

export const GEO_KINDS = ["country", "asn"] as const;
export type GeoKind = (typeof GEO_KINDS)[number];

export const geoLimits = {
  /** Of the database itself. A worker that looks addresses up keeps the whole file in memory. */
  bytesMax: 128 * 1_048_576,
  /** The format says how far before the end the metadata may begin. */
  metadataBytesMax: 131_072,
  typeCharsMax: 128,
  /** Different records that are all read; of those past them, as a database by city has, some. */
  recordsAllRead: 50_000,
  recordsOneReadOf: 16,
} as const;

export type GeoDatabaseFacts = {
  readonly kind: GeoKind;
  /** As it calls itself, such as GeoLite2-Country. */
  readonly databaseType: string;
  /** RFC 3339. */
  readonly buildTime: string;
  readonly ipVersion: number;
  /** Blocks of addresses that it knows something of. */
  readonly networks: number;
  readonly sizeBytes: number;
};

/** Why a file is refused, in words that its owner can act on. */
export class GeoDatabaseError extends Error {
  override readonly name = "GeoDatabaseError";
}

const MARKER = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");
/** Zeros between the search tree and the data. */
const SEPARATOR_BYTES = 16;

type CountryRow = Partial<Pick<CountryResponse, "country" | "registered_country">>;

/** The country's code; where it is not known, that of who registered the block; else empty. */
export function countryOf(row: CountryRow | null): string {
  return row?.country?.iso_code ?? row?.registered_country?.iso_code ?? "";
}

/** The autonomous system's number in digits; empty when it is not known. */
export function networkOf(row: Partial<AsnResponse> | null): string {
  return String(row?.autonomous_system_number ?? "");
}

/** Opens it as gateways do. @throws GeoDatabaseError. */
export function openGeoDatabase<Row extends Response>(file: Buffer): Reader<Row> {
  const end = markerIn(file);
  try {
    const reader = new Reader<Row>(file);
    const { binaryFormatMajorVersion, ipVersion, nodeCount, searchTreeSize } = reader.metadata;
    if (binaryFormatMajorVersion !== 2) throw new Error("its format is not version 2");
    if (ipVersion !== 4 && ipVersion !== 6) throw new Error("it is neither of IPv4 nor of IPv6");
    if (!Number.isSafeInteger(nodeCount) || nodeCount < 1) throw new Error("it has no tree");
    if (searchTreeSize + SEPARATOR_BYTES > end) throw new Error("its tree is cut off");
    return reader;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new GeoDatabaseError(`Its metadata is damaged, cut off or of another version: ${why}`);
  }
}

/** Where the metadata begins. */
function markerIn(file: Buffer): number {
  const from = Math.max(0, file.length - geoLimits.metadataBytesMax - MARKER.length);
  const at = file.subarray(from).lastIndexOf(MARKER);
  if (at !== -1) return from + at;
  const isZip = file.toString("latin1", 0, 2) === "PK";
  const isTar = file.toString("latin1", 257, 262) === "ustar";
  throw new GeoDatabaseError(
    isZip || isTar
      ? "This is an archive: unpack it, and give the file in it that ends in .mmdb"
      : "It does not end as a database in MaxMind's format does: another format, or cut off",
  );
}

/**
 * What is in a database. The whole tree is walked, and its records are read, so that a damaged file
 * is known before anybody looks addresses up in it.
 *
 * @param wanted the kind it shall serve as; else countries go before networks.
 * @throws GeoDatabaseError.
 */
export function checkGeoDatabase(file: Buffer, wanted?: GeoKind): GeoDatabaseFacts {
  const reader = openGeoDatabase<CountryResponse & AsnResponse>(file);
  const { databaseType, buildEpoch, ipVersion, searchTreeSize } = reader.metadata;
  const dataBytes = markerIn(file) - searchTreeSize;
  const found = { country: 0, asn: 0 };
  let records = 0;
  const take = (address: string): void => {
    const { recordsAllRead, recordsOneReadOf } = geoLimits;
    if (++records > recordsAllRead && records % recordsOneReadOf !== 0) return;
    const row = recordAt(reader, address);
    if (countryOf(row) !== "") found.country++;
    if (networkOf(row) !== "") found.asn++;
  };
  const { networks, strayAt } = leavesOf(file, reader.metadata, dataBytes, take);
  if (strayAt !== null) {
    throw new GeoDatabaseError(`It is damaged: node ${strayAt} leads out of its data`);
  }
  const kind = wanted ?? GEO_KINDS.find((one) => found[one] > 0);
  if (kind === undefined || found[kind] === 0) {
    const has = "country.iso_code for countries, autonomous_system_number for networks";
    throw new GeoDatabaseError(`No record of it has what ${kind ?? "a look-up"} asks: ${has}`);
  }
  const builtMs = buildEpoch.getTime();
  if (!Number.isFinite(builtMs)) throw new GeoDatabaseError("It does not say when it was built");
  return {
    kind,
    databaseType: shown(databaseType),
    buildTime: buildEpoch.toISOString(),
    ipVersion,
    networks,
    sizeBytes: file.length,
  };
}

const shown = (type: unknown): string =>
  String(type)
    .replace(/[^\w .+-]/g, "")
    .slice(0, geoLimits.typeCharsMax) || "unnamed";

/** The record of an address, with what look-ups ask of it in the types that they count on. */
function recordAt(reader: Reader<CountryResponse & AsnResponse>, address: string) {
  const damaged = (why: string) =>
    new GeoDatabaseError(`It is damaged: the record of ${address} ${why}`);
  let row: ReturnType<typeof reader.get>;
  try {
    row = reader.get(address);
  } catch (error) {
    throw damaged(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (row === null) throw damaged("is not where the tree says");
  const code: unknown = countryOf(row);
  if (typeof code !== "string") throw damaged("has a country code that is no text");
  if (!/^\d*$/.test(networkOf(row))) throw damaged("has a network's number that is none");
  return row;
}

const packed = promisify(gzip);
const unpacked = promisify(gunzip);

/**
 * A file as vendors deliver it, the database as it is or packed by gzip.
 *
 * @returns the database, and the same as it is stored and as gateways fetch it.
 * @throws GeoDatabaseError when it is larger than allowed, or cannot be unpacked.
 */
export async function unwrapGeoDatabase(file: Buffer): Promise<{ raw: Buffer; content: Buffer }> {
  const isPacked = file[0] === 0x1f && file[1] === 0x8b;
  if (isPacked) return { raw: await unpackGeoDatabase(file), content: file };
  if (file.length > geoLimits.bytesMax) throw tooLarge();
  return { raw: file, content: await packGeoDatabase(file) };
}

export const packGeoDatabase = (raw: Buffer): Promise<Buffer> => packed(raw);

/** @throws GeoDatabaseError when it cannot be unpacked, or is larger than allowed. */
export async function unpackGeoDatabase(content: Buffer): Promise<Buffer> {
  try {
    return await unpacked(content, { maxOutputLength: geoLimits.bytesMax });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge();
    const why = error instanceof Error ? error.message : String(error);
    throw new GeoDatabaseError(`It cannot be unpacked: ${why}`);
  }
}

const tooLarge = () =>
  new GeoDatabaseError(
    `It is larger than ${geoLimits.bytesMax} bytes: take the edition by country, without cities`,
  );
