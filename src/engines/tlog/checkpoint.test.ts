import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  isOrigin,
  noteKeyId,
  noteVerifierKey,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from "./checkpoint.ts";

// Secret key of RFC 8032 §7.1, test 1, in PKCS#8.
const seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const privateKey = createPrivateKey({
  key: Buffer.from(`302e020100300506032b657004220420${seed}`, "hex"),
  format: "der",
  type: "pkcs8",
});
const publicKey = createPublicKey(privateKey);
const origin = "cordon.example/audit";
const keyId = noteKeyId(origin, publicKey);
const checkpoint = { origin, size: 12, root: Buffer.alloc(32, 7) };
const note = signCheckpoint(checkpoint, { privateKey, keyId });

describe("checkpoints", () => {
  test("the text is origin, size, root, an empty line and one signature line", () => {
    const root = checkpoint.root.toString("base64");
    expect(note.startsWith(`${origin}\n12\n${root}\n\n— ${origin} `)).toBe(true);
    expect(note.endsWith("\n")).toBe(true);
  });

  test("a checkpoint opens with its key and not with another", () => {
    expect(openCheckpoint(note, publicKey)).toEqual({ ok: true, checkpoint });
    const other = generateKeyPairSync("ed25519").publicKey;
    expect(openCheckpoint(note, other).ok).toBe(false);
  });

  test("a change of any one byte is refused", () => {
    const bytes = Buffer.from(note);
    for (let at = 0; at < bytes.length; at += 1) {
      for (const mask of [1, 32, 128]) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ mask;
        const result = openCheckpoint(changed.toString("utf8"), publicKey);
        expect(result.ok, `byte ${at} xor ${mask}`).toBe(false);
      }
    }
  });

  test("a witness's signature beside the log's own is accepted", () => {
    const witness = generateKeyPairSync("ed25519");
    const other = { ...checkpoint, origin: "witness.example" };
    const line = signCheckpoint(other, {
      privateKey: witness.privateKey,
      keyId: noteKeyId("witness.example", witness.publicKey),
    }).split("\n\n")[1];
    expect(openCheckpoint(`${note}${line}`, publicKey).ok).toBe(true);
  });

  test("the key for witnesses carries name, key id and raw key", () => {
    // Base64 may hold a plus sign too: only the first two separate.
    const [name, id, ...rest] = noteVerifierKey(origin, publicKey).split("+");
    const key = rest.join("+");
    expect(name).toBe(origin);
    expect(id).toBe(keyId.toString("hex"));
    expect(Buffer.from(key, "base64").toString("hex")).toBe(
      "01d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    );
  });

  test("names that a note cannot carry and malformed notes are refused", () => {
    expect(["a b", "a+b", "", "a\nb"].some(isOrigin)).toBe(false);
    expect(parseCheckpoint("")).toBeUndefined();
    expect(parseCheckpoint("o\n01\nAAAA\n\n— o AAAA\n")).toBeUndefined();
  });
});
