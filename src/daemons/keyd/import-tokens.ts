/**
 * Tokens for bringing in key material: a one-use RSA key, sealed together with what it is for.
 * keyd keeps none of them; it only remembers, on disk, which were used until they expire.
 */
import {
  constants,
  createDecipheriv,
  createPrivateKey,
  generateKeyPair,
  privateDecrypt,
  randomBytes,
} from "node:crypto";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { lengthPrefixed } from "../../engines/keys/canonical.ts";
import { KeydError, type WrappingAlgorithm } from "../../kernel/keyd/protocol.ts";
import type { AccountKeyRing } from "./account-keys.ts";
import { makeFolder, readIfThere, writeDurably } from "./durable-file.ts";
import { gcmOpen, gcmSeal } from "./gcm.ts";

const ID_BYTES = 16;
const TIME_BYTES = 6;
const AES_BYTES = 32;
/** RFC 5649 §3: the alternative initial value. */
const KWP_IV = Buffer.from("a65959a6", "hex");
const USED_MAX = 1_000_000;
const BITS: Readonly<Record<string, number>> = { RSA_2048: 2048, RSA_3072: 3072, RSA_4096: 4096 };

const OAEP_HASHES: Readonly<Record<WrappingAlgorithm, string>> = {
  RSAES_OAEP_SHA_1: "sha1",
  RSAES_OAEP_SHA_256: "sha256",
  RSA_AES_KEY_WRAP_SHA_1: "sha1",
  RSA_AES_KEY_WRAP_SHA_256: "sha256",
};

export type ImportFor = { readonly account: string; readonly key: string };
export type ImportTokens = Awaited<ReturnType<typeof importTokens>>;

export async function importTokens(file: string, ring: AccountKeyRing, clock: () => number) {
  const used = parseUsed(await readIfThere(file), clock());
  // Lines of tokens that have expired go at every start.
  await makeFolder(dirname(file));
  await writeDurably(file, [...used].map(([id, expireMs]) => `${id} ${expireMs}\n`).join(""));
  const appending = await open(file, "a", 0o600);

  const remember = async (id: string, expireMs: number): Promise<void> => {
    if (used.size >= USED_MAX) throw new KeydError("internal", "Too many import tokens were used");
    // INVARIANT: taken in memory before anything is awaited, so of two at once one is refused.
    used.set(id, expireMs);
    await appending.write(`${id} ${expireMs}\n`);
    await appending.datasync();
  };
  return {
    /** @throws KeydError inputInvalid. */
    async make(
      target: ImportFor,
      { spec, expireTimeMs }: { spec: string; expireTimeMs: number },
    ): Promise<{ token: Buffer; publicKey: Buffer }> {
      const modulusLength = BITS[spec];
      if (modulusLength === undefined) {
        throw new KeydError("inputInvalid", `Cannot make a wrapping key of "${spec}"`);
      }
      const pair = await promisify(generateKeyPair)("rsa", { modulusLength });
      const pkcs8 = pair.privateKey.export({ type: "pkcs8", format: "der" });
      const keys = await ring.of(target.account, { make: true });
      const time = Buffer.alloc(TIME_BYTES);
      time.writeUIntBE(expireTimeMs, 0, TIME_BYTES);
      const plaintext = Buffer.concat([randomBytes(ID_BYTES), time, pkcs8]);
      const token = gcmSeal(keys.importing, aadOf(target), plaintext);
      pkcs8.fill(0);
      plaintext.fill(0);
      return { token, publicKey: pair.publicKey.export({ type: "spki", format: "der" }) };
    },
    /**
     * The material that was wrapped for this token, and the end of the token, to be called when
     * the material was found right.
     *
     * @throws KeydError importTokenInvalid, materialInvalid.
     */
    async unwrap(
      target: ImportFor,
      request: { token: Buffer; material: Buffer; algorithm: WrappingAlgorithm },
    ): Promise<{ material: Buffer; useUp: () => Promise<void> }> {
      const keys = await ring.of(target.account, { make: false });
      const opened = gcmOpen(keys.importing, aadOf(target), request.token);
      if (opened === undefined) throw tokenInvalid("it was not made for this key");
      const id = opened.toString("hex", 0, ID_BYTES);
      const expireMs = opened.readUIntBE(ID_BYTES, TIME_BYTES);
      if (expireMs <= clock()) throw tokenInvalid("it has expired");
      if (used.has(id)) throw tokenInvalid("it was used before");
      const pkcs8 = opened.subarray(ID_BYTES + TIME_BYTES);
      const material = unwrapMaterial(pkcs8, request.material, request.algorithm);
      opened.fill(0);
      if (material === undefined) {
        const message = "The material does not unwrap, or its size is not one this algorithm makes";
        throw new KeydError("materialInvalid", message);
      }
      const useUp = (): Promise<void> => {
        if (used.has(id)) throw tokenInvalid("it was used before");
        return remember(id, expireMs);
      };
      return { material, useUp };
    },
    close: () => appending.close(),
  };
}

function unwrapMaterial(
  pkcs8: Buffer,
  wrapped: Buffer,
  algorithm: WrappingAlgorithm,
): Buffer | undefined {
  const oaepHash = OAEP_HASHES[algorithm];
  const key = createPrivateKey({ key: pkcs8, type: "pkcs8", format: "der" });
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const modulusBytes = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  try {
    if (algorithm.startsWith("RSAES")) {
      if (wrapped.length !== modulusBytes) return undefined;
      return privateDecrypt({ key, padding, oaepHash }, wrapped);
    }
    const body = wrapped.subarray(modulusBytes);
    // RFC 5649: whole blocks of 8, at least two. OpenSSL alone does not insist on it everywhere.
    if (body.length < 16 || body.length % 8 !== 0) return undefined;
    const aes = privateDecrypt({ key, padding, oaepHash }, wrapped.subarray(0, modulusBytes));
    if (aes.length !== AES_BYTES) return undefined;
    const decipher = createDecipheriv("id-aes256-wrap-pad", aes, KWP_IV);
    const material = Buffer.concat([decipher.update(body), decipher.final()]);
    aes.fill(0);
    const whole = Math.ceil(material.length / 8) * 8 + 8 === body.length;
    return whole ? material : undefined;
  } catch {
    return undefined;
  }
}

function aadOf({ account, key }: ImportFor): Buffer {
  return lengthPrefixed(["cordon import token", account, key]);
}

function tokenInvalid(why: string): KeydError {
  return new KeydError("importTokenInvalid", `Cannot use the import token: ${why}`);
}

function parseUsed(bytes: Buffer | undefined, nowMs: number): Map<string, number> {
  const lines = (bytes?.toString("latin1") ?? "").split("\n");
  const entries = lines.map((line) => /^([0-9a-f]{32}) (\d{1,15})$/.exec(line));
  return new Map(
    entries.flatMap((match) => {
      const [, id, expireMs] = match ?? [];
      return id !== undefined && Number(expireMs) > nowMs ? [[id, Number(expireMs)] as const] : [];
    }),
  );
}
