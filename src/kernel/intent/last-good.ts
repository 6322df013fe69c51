/**
 * The last good intent of a data plane, on its own disk: what it enforces while the control plane
 * is away. What a document means is its plane's matter.
 */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, messageOf } from "../process/text.ts";

const FILE = "intent.json";

/**
 * The document kept in this folder, as the plane reads it; undefined when there is none.
 *
 * @param read throws an Error when the document cannot be used.
 * @throws Error naming the file when there is one that cannot be used.
 */
export async function loadLastGood<Document>(
  folder: string,
  read: (document: unknown) => Document,
): Promise<Document | undefined> {
  const path = join(folder, FILE);
  try {
    return read(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new Error(`Cannot load the last good intent ${path}: ${messageOf(error)}`);
  }
}

/** A crash leaves the old one or the new one; for its user only (0600), it may hold keys. */
export async function saveLastGood(folder: string, document: unknown): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = join(folder, `${FILE}.draft`);
  const file = await open(draft, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(document));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, join(folder, FILE));
}
