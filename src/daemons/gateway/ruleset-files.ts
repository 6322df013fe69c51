/** Imported rule sets on the gateway's disk, each in a folder named by the digest of its bytes. */
import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { sha256Of, unpackRuleFiles, writeRuleFiles } from "../../kernel/rules/packed.ts";
import type { GatewayIntent } from "./intent.ts";
import type { FetchContent } from "./policy/list-files.ts";

const folderOf = (gatewayFolder: string): string => join(gatewayFolder, "rulesets");

const digestsOf = ({ rulesets }: GatewayIntent): string[] =>
  rulesets.flatMap(({ sha256 }) => (sha256 === undefined ? [] : [sha256]));

/** The intent with the folders where this gateway keeps its imported rule sets. */
export function withRulesetFolders(intent: GatewayIntent, gatewayFolder: string): GatewayIntent {
  const rulesets = intent.rulesets.map((ruleset) => {
    const { sha256 } = ruleset;
    if (sha256 === undefined) return ruleset;
    return { ...ruleset, folder: join(folderOf(gatewayFolder), sha256, "rules") };
  });
  return { ...intent, rulesets };
}

/**
 * Brings the imported rule sets of an intent to the disk.
 *
 * @returns false when one is not there any more: it was deleted, and a newer intent is on its way.
 * @throws Error when one cannot be had now, or is not what its digest says.
 */
export async function bringRulesets(
  gatewayFolder: string,
  intent: GatewayIntent,
  fetchContent: FetchContent,
): Promise<boolean> {
  for (const sha256 of digestsOf(intent)) {
    const folder = join(folderOf(gatewayFolder), sha256);
    if (existsSync(folder)) continue;
    const bytes = await fetchContent(sha256);
    if (bytes === undefined) return false;
    if (sha256Of(bytes) !== sha256) throw new Error(`rule set ${sha256} came with other bytes`);
    await mkdir(folderOf(gatewayFolder), { recursive: true, mode: 0o700 });
    if (canBeRead(bytes)) await writeRuleFiles(folder, bytes);
  }
  return true;
}

/** One that cannot be read has no folder, so that it does not compile and its sites say so. */
function canBeRead(bytes: Uint8Array): boolean {
  try {
    unpackRuleFiles(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Removes the folders of rule sets that none of these intents names. */
export async function dropOldRulesets(
  gatewayFolder: string,
  intents: readonly GatewayIntent[],
): Promise<void> {
  const wanted = new Set(intents.flatMap(digestsOf));
  const names = await readdir(folderOf(gatewayFolder)).catch(() => []);
  for (const name of names) {
    if (wanted.has(name)) continue;
    await rm(join(folderOf(gatewayFolder), name), { recursive: true, force: true });
  }
}
