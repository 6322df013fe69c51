/**
 * Checkpoints (C2SP tlog-checkpoint) as signed notes (C2SP signed-note) with Ed25519. It writes and
 * checks the text; where keys come from and where checkpoints go is the caller's.
 */
import { createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import { HASH_BYTES, TREE_SIZE_MAX } from "./merkle.ts";

export type Checkpoint = {
  /** Name of the log and of its key: no white space, no plus sign. */
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
};

const NOTE_CHARACTERS_MAX = 16_384;
const SIGNATURES_MAX = 16;
const ED25519 = 1;
const ED25519_KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const SIGNATURE_BYTES = 64;

/** True for a name that a signed note can carry. */
export function isOrigin(name: string): boolean {
  return /^[^\s+\p{Cc}]{1,255}$/u.test(name);
}

/** First four bytes of SHA-256(name ‖ "\n" ‖ 0x01 ‖ public key), C2SP signed-note. */
export function noteKeyId(name: string, publicKey: KeyObject): Buffer {
  const text = Buffer.concat([
    Buffer.from(`${name}\n`),
    Buffer.from([ED25519]),
    rawPublicKey(publicKey),
  ]);
  return hash("sha256", text, "buffer").subarray(0, KEY_ID_BYTES);
}

/** The public key in the form witnesses take: `<name>+<key id>+<base64>`. */
export function noteVerifierKey(name: string, publicKey: KeyObject): string {
  const key = Buffer.concat([Buffer.from([ED25519]), rawPublicKey(publicKey)]);
  return `${name}+${noteKeyId(name, publicKey).toString("hex")}+${key.toString("base64")}`;
}

/** The signed text of a checkpoint. */
export function signCheckpoint(
  checkpoint: Checkpoint,
  key: { readonly privateKey: KeyObject; readonly keyId: Buffer },
): string {
  const { origin, size, root } = checkpoint;
  const body = `${origin}\n${size}\n${root.toString("base64")}\n`;
  const signature = sign(null, Buffer.from(body), key.privateKey);
  return `${body}\n— ${origin} ${Buffer.concat([key.keyId, signature]).toString("base64")}\n`;
}

/**
 * The checkpoint of a signed note, if the key signed it under its origin.
 *
 * Signatures of others (witnesses) are ignored, as the note format demands.
 */
export function openCheckpoint(
  note: string,
  publicKey: KeyObject,
):
  | { readonly ok: true; readonly checkpoint: Checkpoint }
  | { readonly ok: false; readonly reason: string } {
  const parsed = parseCheckpoint(note);
  if (parsed === undefined) return { ok: false, reason: "the checkpoint is malformed" };
  const { checkpoint, body, signatures } = parsed;
  const keyId = noteKeyId(checkpoint.origin, publicKey);
  for (const line of signatures) {
    if (line.name !== checkpoint.origin) continue;
    const blob = line.blob;
    if (blob.length !== KEY_ID_BYTES + SIGNATURE_BYTES) continue;
    if (!blob.subarray(0, KEY_ID_BYTES).equals(keyId)) continue;
    return verify(null, Buffer.from(body), publicKey, blob.subarray(KEY_ID_BYTES))
      ? { ok: true, checkpoint }
      : { ok: false, reason: "the signature of the checkpoint is wrong" };
  }
  return { ok: false, reason: "the checkpoint carries no signature of the log's key" };
}

type SignatureLine = { readonly name: string; readonly blob: Buffer };

/** The parts of a note without checking any signature; undefined when malformed. */
export function parseCheckpoint(
  note: string,
): { checkpoint: Checkpoint; body: string; signatures: SignatureLine[] } | undefined {
  if (note.length > NOTE_CHARACTERS_MAX || !note.endsWith("\n")) return undefined;
  const split = note.lastIndexOf("\n\n");
  if (split < 0) return undefined;
  const body = note.slice(0, split + 1);
  const lines = note.slice(split + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) return undefined;
  const signatures: SignatureLine[] = [];
  for (const line of lines) {
    const match = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) return undefined;
    const blob = Buffer.from(match[2], "base64");
    // INVARIANT: one text per signature, so that no byte of the file can change unseen.
    if (blob.toString("base64") !== match[2]) return undefined;
    signatures.push({ name: match[1], blob });
  }
  const checkpoint = parseBody(body);
  return checkpoint === undefined ? undefined : { checkpoint, body, signatures };
}

function parseBody(body: string): Checkpoint | undefined {
  const [origin, sizeText, rootText] = body.split("\n");
  if (origin === undefined || sizeText === undefined || rootText === undefined) return undefined;
  if (!isOrigin(origin) || !/^(0|[1-9]\d{0,15})$/.test(sizeText)) return undefined;
  const size = Number(sizeText);
  const root = Buffer.from(rootText, "base64");
  if (size > TREE_SIZE_MAX || root.length !== HASH_BYTES) return undefined;
  if (root.toString("base64") !== rootText) return undefined;
  return { origin, size, root };
}

function rawPublicKey(key: KeyObject): Buffer {
  const jwk = (key.type === "private" ? createPublicKey(key) : key).export({ format: "jwk" });
  const raw = Buffer.from(jwk.x ?? "", "base64url");
  if (jwk.crv !== "Ed25519" || raw.length !== ED25519_KEY_BYTES) {
    throw new TypeError(`Cannot use a key of curve "${jwk.crv ?? jwk.kty}" as it must be Ed25519`);
  }
  return raw;
}
