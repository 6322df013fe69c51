/** The desired state of the network plane: its shape, and the last good one on disk. */
import Type from "typebox";
import { Compile } from "typebox/compile";
import { loadLastGood } from "../../kernel/intent/last-good.ts";

const SOURCES_MAX = 100_000;

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
  const kept = await loadLastGood(folder, (document) => {
    const result = readIntent(document);
    if (result.ok) return result.intent;
    throw new Error(result.message);
  });
  return kept ?? null;
}
