/** Imported databases of countries and networks on the gateway's disk, each named by its digest. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openGeoDatabase, unpackGeoDatabase } from "../../kernel/geo/database.ts";
import { sha256Of } from "../../kernel/rules/packed.ts";
import type { GatewayIntent } from "./intent.ts";
import type { GatewayStatus } from "./messages.ts";
import { geoFolderOf, importedFile } from "./policy/geo.ts";
import type { FetchContent } from "./policy/list-files.ts";

/**
 * Brings the databases of an intent to the disk, unpacked.
 *
 * @returns false when one is not there any more: it was replaced, and a newer intent is on its way.
 * @throws Error when one cannot be had now, or is not what its digest says.
 */
export async function bringGeoDatabases(
  gatewayFolder: string,
  { geoDatabases = [] }: GatewayIntent,
  fetchContent: FetchContent,
): Promise<boolean> {
  for (const { sha256, contentSha256 } of geoDatabases) {
    const file = importedFile(gatewayFolder, sha256);
    if (existsSync(file)) continue;
    const content = await fetchContent(contentSha256);
    if (content === undefined) return false;
    if (sha256Of(content) !== contentSha256) {
      throw new Error(`the database ${sha256} came with other bytes`);
    }
    await mkdir(geoFolderOf(gatewayFolder), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, await unpackedOrEmpty(content, sha256), {
      mode: 0o600,
      flush: true,
    });
    await rename(`${file}.new`, file);
  }
  return true;
}

/** One that does not unpack to what its digest says is empty, so that it does not open. */
async function unpackedOrEmpty(content: Buffer, sha256: string): Promise<Buffer> {
  const raw = await unpackGeoDatabase(content).catch(() => Buffer.alloc(0));
  return sha256Of(raw) === sha256 ? raw : Buffer.alloc(0);
}

/** Removes the files of databases that none of these intents names. */
export async function dropOldGeoDatabases(
  gatewayFolder: string,
  intents: readonly GatewayIntent[],
): Promise<void> {
  const wanted = new Set(
    intents
      .flatMap(({ geoDatabases = [] }) => geoDatabases)
      .map(({ sha256 }) => importedFile(gatewayFolder, sha256)),
  );
  const folder = geoFolderOf(gatewayFolder);
  for (const name of await readdir(folder).catch(() => [])) {
    const file = join(folder, name);
    if (!wanted.has(file)) await rm(file, { force: true });
  }
}

export type GeoFault = { readonly kind: string; readonly message: string };
export type GeoCheck = (
  intent: GatewayIntent,
  previous: GatewayIntent | null,
) => Promise<{ readonly intent: GatewayIntent; readonly faults: readonly GeoFault[] }>;

/**
 * A check that opens the databases of an intent before workers get it, each once: instead of one
 * that does not open, that of `previous` stays.
 */
export function createGeoCheck(gatewayFolder: string): GeoCheck {
  let known = new Map<string, string>();
  return async (intent, previous) => {
    const next = new Map<string, string>();
    const faults: GeoFault[] = [];
    const sound: NonNullable<GatewayIntent["geoDatabases"]> = [];
    for (const database of intent.geoDatabases ?? []) {
      const { kind, sha256 } = database;
      const message = known.get(sha256) ?? (await faultOf(importedFile(gatewayFolder, sha256)));
      next.set(sha256, message);
      if (message === "") sound.push(database);
      else {
        faults.push({ kind, message });
        sound.push(...(previous?.geoDatabases ?? []).filter((before) => before.kind === kind));
      }
    }
    known = next;
    return {
      intent: sound.length === 0 ? without(intent) : { ...intent, geoDatabases: sound },
      faults,
    };
  };
}

function without({ geoDatabases: _, ...intent }: GatewayIntent): GatewayIntent {
  return intent;
}

/** Empty when it opens. */
async function faultOf(file: string): Promise<string> {
  try {
    openGeoDatabase(await readFile(file));
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What is reported: which database of a kind is used, and why it is not the newest. */
export function geoStatuses(
  intent: GatewayIntent | null,
  faults: readonly GeoFault[],
): GatewayStatus["geoDatabases"] {
  const used = intent?.geoDatabases ?? [];
  return (["country", "asn"] as const).map((kind) => ({
    kind,
    sha256: used.find((database) => database.kind === kind)?.sha256 ?? null,
    fault: faults.find((fault) => fault.kind === kind)?.message ?? "",
  }));
}
