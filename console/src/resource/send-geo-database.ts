/** Sends a database of countries or networks: in one call, or in parts where it is large. */
import { catalog } from "../../../src/catalog.ts";
import { GEO_PART_BYTES } from "../../../src/services/waf/contract.ts";
import { call } from "../api/client.ts";
import type { Item } from "./resources.ts";

/** Base64 that stands for whole bytes. */
const PART_CHARS = Math.floor(GEO_PART_BYTES / 3) * 4;

export async function sendGeoDatabase(input: Item): Promise<Item> {
  const { importGeoDatabase, importGeoDatabaseParts, putGeoDatabasePart } = catalog.waf.operations;
  const { content, ...about } = input;
  const text = String(content);
  if (text.length <= PART_CHARS) return call(importGeoDatabase, { ...about, content: text });
  const parts = Array.from({ length: Math.ceil(text.length / PART_CHARS) }, (_, part) =>
    text.slice(part * PART_CHARS, (part + 1) * PART_CHARS),
  );
  const fileSha256 = await sha256Of(parts);
  for (const [part, some] of parts.entries()) {
    await call(putGeoDatabasePart, { fileSha256, part, content: some });
  }
  return call(importGeoDatabaseParts, { ...about, fileSha256 });
}

/** Of the bytes that these parts in base64 make, in hex. */
async function sha256Of(parts: readonly string[]): Promise<string> {
  const bytes = await new Blob(parts.map(bytesOf)).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
