/** The desired state of the network plane: its shape, and the last good one on disk. */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import Type from "typebox";
import { Compile } from "typebox/compile";
import { codeOf, messageOf } from "../../kernel/process/text.ts";

const SOURCES_MAX = 100_000;
const FILE = "intent.json";

const Id = Type.String({ minLength: 1, maxLength: 64 });

export const NetworkIntent = Type.Object(
  {
    version: Type.Integer({ minimum: 0 }),
    sources: Type.Array(
      Type.Object(
        {
          cidr: Type.String({ maxLength: 64 }),
          action: Type.Literal("block"),
          accountId: Id,
          siteId: Type.Union([Id, Type.Null()]),
          expiresAt: Type.String({ maxLength: 40 }),
          responseId: Type.Union([Id, Type.Null()]),
        },
        { additionalProperties: false },
      ),
      { maxItems: SOURCES_MAX },
    ),
  },
  { additionalProperties: false },
);
export type NetworkIntent = Type.Static<typeof NetworkIntent>;

export type IntentResult =
  | { readonly ok: true; readonly intent: NetworkIntent }
  | { readonly ok: false; readonly message: string };

const compiled = Compile(NetworkIntent);

/** Validates a document; what is not understood is refused whole, never enforced in part. */
export function readIntent(document: unknown): IntentResult {
  if (compiled.Check(document)) return { ok: true, intent: document };
  const [error] = compiled.Errors(document);
  const where = error?.instancePath === "" ? "the document" : (error?.instancePath ?? "");
  return { ok: false, message: `Cannot use the intent: ${where} ${error?.message ?? ""}`.trim() };
}

/**
 * The intent kept in this folder; null when there is none.
 *
 * @throws Error when there is one that cannot be used.
 */
export async function loadIntent(folder: string): Promise<NetworkIntent | null> {
  const path = join(folder, FILE);
  try {
    const result = readIntent(JSON.parse(await readFile(path, "utf8")));
    if (result.ok) return result.intent;
    throw new Error(result.message);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw new Error(`Cannot load the last good intent ${path}: ${messageOf(error)}`);
  }
}

/** Writes the intent so that a crash leaves the old or the new one; for its user only (0600). */
export async function saveIntent(folder: string, intent: NetworkIntent): Promise<void> {
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
