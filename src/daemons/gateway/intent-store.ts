/** The last good intent on disk, so that a gateway enforces it while the control plane is away. */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { type GatewayIntent, readIntent, settleIntent } from "./intent.ts";

const FILE = "intent.json";

/** The intent kept in the gateway's folder; null when there is none that can be used. */
export async function loadIntent(folder: string): Promise<GatewayIntent | null> {
  try {
    const result = readIntent(JSON.parse(await readFile(join(folder, FILE), "utf8")));
    return result.ok ? settleIntent(result.intent, result.faults, null) : null;
  } catch {
    return null;
  }
}

/** Writes the intent so that a crash leaves the old or the new one; 0600, it holds private keys. */
export async function saveIntent(folder: string, intent: GatewayIntent): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = join(folder, `${FILE}.draft`);
  const file = await open(draft, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(intent));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, join(folder, FILE));
}
