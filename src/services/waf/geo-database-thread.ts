/**
 * Opens and checks a database of countries or networks in a thread of its own: all of it is read
 * before anything is kept, and a hostile one holds nobody up.
 */
import {
  checkGeoDatabase,
  GeoDatabaseError,
  type GeoDatabaseFacts,
  type GeoKind,
  unwrapGeoDatabase,
} from "../../kernel/geo/database.ts";
import { answerInThread, askThread, isOutOfMemory } from "../../kernel/process/thread.ts";
import { sha256Of } from "../../kernel/rules/packed.ts";

const limits = { timeoutMs: 45_000, heapMiBMax: 256 } as const;

type Asked = { readonly file: Uint8Array; readonly kind: GeoKind | undefined };

type ReadGeoDatabase =
  | { readonly fault: string }
  | (GeoDatabaseFacts & {
      /** Of the database itself. */
      readonly sha256: string;
      readonly content: Uint8Array;
      readonly contentSha256: string;
    });

/** What is in a file, or why it cannot be used. */
export async function readGeoDatabaseApart(asked: Asked): Promise<ReadGeoDatabase> {
  try {
    const read = await askThread<ReadGeoDatabase>(import.meta.url, asked, limits);
    return read ?? { fault: `It could not be read within ${limits.timeoutMs / 1_000} seconds` };
  } catch (error) {
    if (!isOutOfMemory(error)) throw error;
    return { fault: "It takes more memory to read than a database may" };
  }
}

answerInThread<Asked>(async ({ file, kind }): Promise<ReadGeoDatabase> => {
  try {
    const { buffer, byteOffset, byteLength } = file;
    const { raw, content } = await unwrapGeoDatabase(Buffer.from(buffer, byteOffset, byteLength));
    const facts = checkGeoDatabase(raw, kind);
    return { ...facts, sha256: sha256Of(raw), content, contentSha256: sha256Of(content) };
  } catch (error) {
    if (error instanceof GeoDatabaseError) return { fault: error.message };
    throw error;
  }
});
