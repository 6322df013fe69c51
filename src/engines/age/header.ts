/**
 * The header of an age file (C2SP age, v1): which stanzas wrap the file key, and the tag that
 * binds them. Bytes only; how a stanza opens is `stanzas.ts`, the payload is `payload.ts`.
 */
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** One way to the file key: a type, its arguments, and the wrapped key. */
export type Stanza = {
  readonly type: string;
  readonly args: readonly string[];
  readonly body: Buffer;
};

const VERSION_LINE = "age-encryption.org/v1";
export const FILE_KEY_BYTES = 16;
const BODY_COLUMNS = 64;
const MAC_BYTES = 32;

/** Limits of what is parsed: a header is read before anything is authenticated. */
export const headerLimits = { bytesMax: 16_384, stanzasMax: 16, argsMax: 16 } as const;

/** A file that is not what it should be; the message says where. Never holds a secret. */
export class AgeError extends Error {
  override readonly name = "AgeError";
}

/** The header's bytes, up to and with the end of its last line. */
export function encodeHeader(stanzas: readonly Stanza[], fileKey: Buffer): Buffer {
  const lines = [VERSION_LINE, ...stanzas.flatMap(stanzaLines)];
  const authenticated = `${lines.join("\n")}\n---`;
  return Buffer.from(`${authenticated} ${unpadded(macOf(authenticated, fileKey))}\n`);
}

export type Header = {
  readonly stanzas: readonly Stanza[];
  /** Length in bytes; the payload follows. */
  readonly length: number;
  /** Whether the file key is the one that the header was made with. */
  readonly isAuthentic: (fileKey: Buffer) => boolean;
};

/**
 * Parses the header at the beginning of `bytes`.
 *
 * @returns undefined when more bytes are needed.
 * @throws AgeError when it is no header, or larger than the limits.
 */
export function parseHeader(bytes: Buffer): Header | undefined {
  const marker = bytes.indexOf("\n--- ");
  const end = marker < 0 ? -1 : bytes.indexOf("\n", marker + 1);
  if (!bytes.subarray(0, VERSION_LINE.length + 1).equals(prefixOf(bytes))) {
    throw new AgeError("it does not begin as an age file of version 1");
  }
  if (end < 0) {
    if (bytes.length > headerLimits.bytesMax) throw new AgeError("its header has no end");
    return undefined;
  }
  if (end > headerLimits.bytesMax) throw new AgeError("its header is too long");
  const text = bytes.toString("latin1", 0, end);
  if (/[^\x0a\x20-\x7e]/.test(text)) throw new AgeError("its header holds strange bytes");
  const lines = text.split("\n");
  const authenticated = text.slice(0, marker + "\n---".length);
  const mac = decoded(text.slice(marker + "\n--- ".length));
  if (mac?.length !== MAC_BYTES) throw new AgeError("the tag of its header is malformed");
  return {
    stanzas: parseStanzas(lines.slice(1, -1)),
    length: end + 1,
    isAuthentic: (fileKey) => timingSafeEqual(macOf(authenticated, fileKey), mac),
  };
}

/** As much of the version line as these bytes can hold. */
function prefixOf(bytes: Buffer): Buffer {
  return Buffer.from(`${VERSION_LINE}\n`).subarray(0, bytes.length);
}

function stanzaLines({ type, args, body }: Stanza): string[] {
  const text = unpadded(body);
  const lines = [`-> ${[type, ...args].join(" ")}`];
  // INVARIANT: the last line is shorter than a full one, which is how a body ends.
  for (let at = 0; at <= text.length; at += BODY_COLUMNS) {
    lines.push(text.slice(at, at + BODY_COLUMNS));
  }
  return lines;
}

function parseStanzas(lines: readonly string[]): Stanza[] {
  const stanzas: Stanza[] = [];
  let at = 0;
  while (at < lines.length) {
    const [arrow, type = "", ...args] = (lines[at] ?? "").split(" ");
    if (arrow !== "->" || type === "" || args.includes("")) {
      throw new AgeError("a stanza of its header is malformed");
    }
    if (args.length > headerLimits.argsMax || stanzas.length >= headerLimits.stanzasMax) {
      throw new AgeError("its header has too many stanzas");
    }
    let text = "";
    let line = "";
    do {
      at += 1;
      line = lines[at] ?? "->";
      text += line;
    } while (line.length === BODY_COLUMNS);
    const body = decoded(text);
    if (line.length > BODY_COLUMNS || body === undefined) {
      throw new AgeError("a stanza of its header is malformed");
    }
    stanzas.push({ type, args, body });
    at += 1;
  }
  if (stanzas.length === 0) throw new AgeError("its header has no stanza");
  return stanzas;
}

function macOf(authenticated: string, fileKey: Buffer): Buffer {
  const key = Buffer.from(hkdfSync("sha256", fileKey, "", "header", MAC_BYTES));
  return createHmac("sha256", key).update(authenticated).digest();
}

/** Base64 without padding, as age writes it. */
export function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

/** Undefined unless it is the one and only text of its bytes. */
export function decoded(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return unpadded(bytes) === text ? bytes : undefined;
}
