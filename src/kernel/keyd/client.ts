/**
 * Everything a service may ask of keyd, the only process that has key material in clear. Answers
 * are promises; a refusal is a KeydError whose reason the service turns into its own problem.
 */
import type { KeyBinding } from "../../engines/keys/binding.ts";
import type { EncryptionContext } from "../../engines/keys/canonical.ts";
import type { KeySpec } from "../../engines/keys/specs.ts";
import { openConnection } from "./connection.ts";
import type { Frame } from "./frame.ts";
import {
  type CipherOptions,
  type Head,
  type ItemResult,
  isKeydReason,
  KeydError,
  type KeydHealth,
  type KeyHandle,
  type NewKey,
  type SignOptions,
  type WrappingAlgorithm,
} from "./protocol.ts";

export type KeydClient = ReturnType<typeof keydClient>;

/** Making a key may take long: RSA-4096 primes are searched by chance. */
const WAIT_MS = 10_000;

/** A client of the keyd that listens there. It connects when first asked. */
export function keydClient(
  socketPath: string,
  options: {
    waitMs?: number;
    /** Told of each use and whether keyd did it; for metrics. */
    used?: (op: string, isDone: boolean) => void;
  } = {},
) {
  const { ask, close } = openConnection(socketPath, { waitMs: options.waitMs ?? WAIT_MS });
  const send = async (op: string, fields: object, parts: readonly Buffer[] = []) => {
    let isDone = false;
    try {
      const answer = await ask({ header: { op, ...fields }, parts });
      isDone = true;
      return answer;
    } finally {
      options.used?.(op, isDone);
    }
  };
  const use = (op: string, key: KeyHandle, { fields = {}, parts = [] }: Use = {}) =>
    send(op, { binding: key.binding, ...fields }, [key.wrapped, ...parts]);
  return {
    close,
    ...secretFunctions(send),
    ...keyFunctions(send, use),
    ...cipherFunctions(send, use),
    ...signatureFunctions(use),
    ...agreementFunctions(use),
    ...headFunctions(send),
    ...rootFunctions(send),
  };
}

type Use = { readonly fields?: object; readonly parts?: readonly Buffer[] };
type Send = (op: string, fields: object, parts?: readonly Buffer[]) => Promise<Frame>;
type UseKey = (op: string, key: KeyHandle, use?: Use) => Promise<Frame>;

function secretFunctions(send: Send) {
  return {
    /** Seals a small secret of the program (up to 512 KiB) for one purpose and account. */
    seal: async (purpose: string, account: string, plaintext: Buffer): Promise<Buffer> =>
      part(await send("seal", { purpose, account }, [plaintext])),
    /** @throws KeydError ciphertextInvalid when it was sealed for another purpose or account. */
    open: async (purpose: string, account: string, sealed: Buffer): Promise<Buffer> =>
      part(await send("open", { purpose, account }, [sealed])),
    /** A key pair whose private half (PKCS #8) comes sealed, as `seal` would have done. */
    generateSealed: async (
      owner: { readonly purpose: string; readonly account: string },
      spec: KeySpec,
    ): Promise<{ sealed: Buffer; publicKey: Buffer }> => {
      const answer = await send("generateSealed", { ...owner, spec });
      return { sealed: part(answer), publicKey: part(answer, 1) };
    },
    /** A sealed private key of the binding's account as a key version; opened in keyd only. */
    wrapSealed: async (binding: KeyBinding, purpose: string, sealed: Buffer): Promise<NewKey> =>
      newKey(await send("wrapSealed", { binding, purpose }, [sealed])),
    /** Random bytes from the root provider's or the system's generator, 1 to 1,024. */
    random: async (bytes: number): Promise<Buffer> => part(await send("random", { bytes })),
  };
}

function keyFunctions(send: Send, use: UseKey) {
  return {
    generateKey: async (binding: KeyBinding): Promise<NewKey> =>
      newKey(await send("generateKey", { binding })),
    /** `raw` for symmetric and MAC keys, PKCS #8 or (the public half alone) SPKI in DER. */
    importKey: async (
      binding: KeyBinding,
      { form, material }: { form: "raw" | "pkcs8" | "spki"; material: Buffer },
    ): Promise<NewKey> => newKey(await send("importKey", { binding, form }, [material])),
    /** A one-use RSA key for bringing in material, and the token that goes with it. */
    importParameters: async (request: {
      readonly account: string;
      readonly key: string;
      readonly wrappingKeySpec: "RSA_2048" | "RSA_3072" | "RSA_4096";
      readonly expireTimeMs: number;
    }): Promise<{ token: Buffer; publicKey: Buffer }> => {
      const answer = await send("importParameters", request);
      return { token: part(answer), publicKey: part(answer, 1) };
    },
    importWrapped: async (
      binding: KeyBinding,
      request: { token: Buffer; material: Buffer; wrappingAlgorithm: WrappingAlgorithm },
    ): Promise<NewKey> => {
      const { token, material, wrappingAlgorithm } = request;
      const fields = { binding, wrappingAlgorithm };
      return newKey(await send("importWrapped", fields, [token, material]));
    },
    /** SPKI in DER. @throws KeydError algorithmInvalid for a symmetric key. */
    publicKey: async (key: KeyHandle): Promise<Buffer> => part(await use("publicKey", key)),
    /** True when both hold the same material: an import must bring back what it brought before. */
    sameMaterial: async (key: KeyHandle, other: KeyHandle): Promise<boolean> =>
      (await use("sameMaterial", key, { fields: { to: other.binding }, parts: [other.wrapped] }))
        .header.equal === true,
    /** Equal for equal material of one account; says nothing else about it. */
    materialMark: async (key: KeyHandle): Promise<string> =>
      String((await use("materialMark", key)).header.mark),
    /** The same material wrapped for another binding, such as a replica's account or region. */
    rebind: async (key: KeyHandle, to: KeyBinding): Promise<NewKey> =>
      newKey(await use("rebind", key, { fields: { to } })),
    /** How often the version encrypted since keyd was started. */
    usesOf: async (binding: KeyBinding): Promise<number> => {
      const { header } = await send("usesOf", { binding });
      return Number(header.uses);
    },
  };
}

function cipherFunctions(send: Send, use: UseKey) {
  return {
    /** Symmetric keys give a blob that names its key and version; others the bare ciphertext. */
    encrypt: async (
      key: KeyHandle,
      { plaintext, ...fields }: CipherOptions & { plaintext: Buffer },
    ): Promise<Buffer> => part(await use("encrypt", key, { fields, parts: [plaintext] })),
    /** @throws KeydError ciphertextInvalid. */
    decrypt: async (
      key: KeyHandle,
      { ciphertext, ...fields }: CipherOptions & { ciphertext: Buffer },
    ): Promise<Buffer> => part(await use("decrypt", key, { fields, parts: [ciphertext] })),
    /** Up to ITEMS_MAX items under one key and context, in one frame. */
    encryptMany: async (
      key: KeyHandle,
      { plaintexts, ...fields }: CipherOptions & { plaintexts: readonly Buffer[] },
    ): Promise<readonly Buffer[]> =>
      (await use("encryptMany", key, { fields, parts: plaintexts })).parts,
    /** Each item succeeds or fails by itself. */
    decryptMany: async (
      key: KeyHandle,
      { ciphertexts, ...fields }: CipherOptions & { ciphertexts: readonly Buffer[] },
    ): Promise<readonly ItemResult[]> => {
      const answer = await use("decryptMany", key, { fields, parts: ciphertexts });
      return itemResults(answer);
    },
    /** Decrypts and encrypts again inside keyd; the plaintext never leaves it. */
    reEncrypt: async (
      from: KeyHandle,
      to: KeyHandle,
      request: { ciphertext: Buffer; fromOptions?: CipherOptions; toOptions?: CipherOptions },
    ): Promise<Buffer> => {
      const { ciphertext, fromOptions = {}, toOptions = {} } = request;
      const fields = { binding: from.binding, to: to.binding, fromOptions, toOptions };
      return part(await send("reEncrypt", fields, [from.wrapped, to.wrapped, ciphertext]));
    },
    /** A fresh data key of `bytes` (1 to 1,024), in clear and under the key. */
    dataKey: async (
      key: KeyHandle,
      request: { bytes: number; context?: EncryptionContext },
    ): Promise<{ plaintext: Buffer; ciphertext: Buffer }> => {
      const answer = await use("dataKey", key, { fields: request });
      return { plaintext: part(answer), ciphertext: part(answer, 1) };
    },
    /** The data key under the key only; nothing in clear leaves keyd. */
    dataKeyWithoutPlaintext: async (
      key: KeyHandle,
      request: { bytes: number; context?: EncryptionContext },
    ): Promise<Buffer> =>
      part(await use("dataKey", key, { fields: { ...request, withoutPlaintext: true } })),
    /** Private keys are PKCS #8 in DER, the public key SPKI in DER. */
    dataKeyPair: async (
      key: KeyHandle,
      request: { pairSpec: KeySpec; context?: EncryptionContext; withoutPlaintext?: boolean },
    ): Promise<{ publicKey: Buffer; privateCiphertext: Buffer; privatePlaintext?: Buffer }> => {
      const answer = await use("dataKeyPair", key, { fields: request });
      const [publicKey, privateCiphertext] = [part(answer), part(answer, 1)];
      if (request.withoutPlaintext === true) return { publicKey, privateCiphertext };
      return { publicKey, privateCiphertext, privatePlaintext: part(answer, 2) };
    },
  };
}

function signatureFunctions(use: UseKey) {
  return {
    /** ECDSA and SM2 signatures are DER; up to 512 KiB for RAW. */
    sign: async (
      key: KeyHandle,
      { message, ...fields }: SignOptions & { message: Buffer },
    ): Promise<Buffer> => part(await use("sign", key, { fields, parts: [message] })),
    verify: async (
      key: KeyHandle,
      { message, signature, ...fields }: SignOptions & { message: Buffer; signature: Buffer },
    ): Promise<boolean> => {
      const answer = await use("verify", key, { fields, parts: [message, signature] });
      return answer.header.valid === true;
    },
    mac: async (
      key: KeyHandle,
      { message, algorithm }: { message: Buffer; algorithm?: string },
    ): Promise<Buffer> => part(await use("mac", key, { fields: { algorithm }, parts: [message] })),
    /** Whole tags only, compared in constant time. */
    verifyMac: async (
      key: KeyHandle,
      { message, mac, algorithm }: { message: Buffer; mac: Buffer; algorithm?: string },
    ): Promise<boolean> => {
      const answer = await use("verifyMac", key, { fields: { algorithm }, parts: [message, mac] });
      return answer.header.valid === true;
    },
  };
}

function agreementFunctions(use: UseKey) {
  return {
    /** ECDH with a public key (SPKI in DER, named curve): the raw shared secret. */
    deriveSharedSecret: async (key: KeyHandle, publicKey: Buffer): Promise<Buffer> =>
      part(await use("deriveSharedSecret", key, { parts: [publicKey] })),
    encapsulate: async (key: KeyHandle): Promise<{ sharedSecret: Buffer; ciphertext: Buffer }> => {
      const answer = await use("encapsulate", key);
      return { sharedSecret: part(answer), ciphertext: part(answer, 1) };
    },
    decapsulate: async (key: KeyHandle, ciphertext: Buffer): Promise<Buffer> =>
      part(await use("decapsulate", key, { parts: [ciphertext] })),
  };
}

/**
 * The record outside the database by which an older database is recognized. A store keeps, per
 * account, a row `{epoch, hash}` that it locks and replaces in every transaction that changes a
 * key: `hash` = SHA-256 of the former hash and the change, `epoch` one higher.
 */
function headFunctions(send: Send) {
  return {
    /** True to go on: the database shows the recorded state, or the one announced last. */
    checkHead: async (account: string, head: Head): Promise<void> => {
      await send("checkHead", { account, head });
    },
    /** Before the transaction commits: durable announcement of the next state. */
    advanceHead: async (account: string, step: { from: Head; to: Head }): Promise<void> => {
      await send("advanceHead", { account, ...step });
    },
    /** After the commit: the former state is refused from now on. */
    confirmHead: async (account: string, head: Head): Promise<void> => {
      await send("confirmHead", { account, head });
    },
    /** Accepts what a restored database shows, by an operator's explicit wish. */
    forceHead: async (account: string, head: Head): Promise<void> => {
      await send("forceHead", { account, head });
    },
    /** Every account with a record, so that a missing account is noticed as well. */
    listHeads: async (): Promise<ReadonlyMap<string, Head>> => {
      const { header } = await send("listHeads", {});
      // Our own program at the other end.
      return new Map(Object.entries((header.heads ?? {}) as Record<string, Head>));
    },
    /** Destroys the account's key-encryption key: everything under it is unreadable for good. */
    shredAccount: async (account: string): Promise<void> => {
      await send("shredAccount", { account });
    },
  };
}

function rootFunctions(send: Send) {
  return {
    health: async (): Promise<KeydHealth> =>
      // Our own program at the other end.
      (await send("health", {})).header.health as KeydHealth,
    /** Takes a keys folder that is older than the device's counter, by an operator's wish. */
    acceptRestored: async (): Promise<void> => {
      await send("acceptRestored", {});
    },
    /** Wraps every account's key by another root; nothing else changes. Gives their number. */
    moveRoot: async (to: string): Promise<number> =>
      Number((await send("moveRoot", { to })).header.accounts),
    /** Opens a root that is sealed by a passphrase; a device is tried again. */
    unseal: async (passphrase: Buffer): Promise<void> => {
      await send("unseal", {}, [passphrase]);
    },
    /** Seals the software root by a new passphrase; the current one is asked for if there is. */
    setPassphrase: async (passphrase: Buffer, current = Buffer.alloc(0)): Promise<void> => {
      await send("setPassphrase", {}, [passphrase, current]);
    },
    /** Shares of the software root, `threshold` of which give it back; printed once. */
    recoveryShares: async (request: {
      readonly threshold: number;
      readonly shares: number;
      readonly passphrase?: Buffer;
    }): Promise<readonly string[]> => {
      const { threshold, shares, passphrase = Buffer.alloc(0) } = request;
      const answer = await send("recoveryShares", { threshold, shares }, [passphrase]);
      return answer.parts.map((text) => text.toString("latin1"));
    },
    /** Wraps a backup's file key (16 bytes) by the root. */
    wrapBackupKey: async (fileKey: Buffer): Promise<Buffer> =>
      part(await send("wrapBackupKey", {}, [fileKey])),
    /** @throws KeydError ciphertextInvalid when another root wrapped it. */
    unwrapBackupKey: async (wrapped: Buffer): Promise<Buffer> =>
      part(await send("unwrapBackupKey", {}, [wrapped])),
    /** Opens the root from shares and seals it by a passphrase, or by a key file when empty. */
    recover: async (shares: readonly string[], passphrase = Buffer.alloc(0)): Promise<void> => {
      await send("recover", {}, [passphrase, ...shares.map((share) => Buffer.from(share))]);
    },
  };
}

function part(frame: Frame, at = 0): Buffer {
  const bytes = frame.parts[at];
  if (bytes === undefined) throw new KeydError("internal", `The answer has no part ${at}`);
  return bytes;
}

function newKey(frame: Frame): NewKey {
  return { wrapped: part(frame), publicKey: frame.parts[1] };
}

function itemResults({ header, parts }: Frame): readonly ItemResult[] {
  const errors = Array.isArray(header.errors) ? header.errors : [];
  return parts.map((plaintext, at) => {
    const error: unknown = errors[at];
    return isKeydReason(error) ? { error } : { plaintext };
  });
}
