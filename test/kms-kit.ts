/** The key management service for one test file: the operations kit, and a keyd of its own. */
import { constants, createPublicKey, publicEncrypt } from "node:crypto";
import { spawnKeyd } from "../src/daemons/keyd/spawned-keyd.ts";
import { encryptionService } from "../src/services/encryption/service.ts";
import { kmsService, openKms } from "../src/services/kms/service.ts";
import { type Operations, startOperations } from "./service-kit.ts";

export type KmsKit = {
  readonly operations: Operations;
  readonly keyd: Awaited<ReturnType<typeof spawnKeyd>>;
  readonly kms: ReturnType<typeof openKms>;
  /** POST to `/v1/kms<path>` as the administrator of `main`, or with another key. */
  post(path: string, body?: unknown, key?: string): ReturnType<Operations["api"]>;
  get(path: string, key?: string): ReturnType<Operations["api"]>;
  /** A new key's id. */
  newKey(given?: object): Promise<string>;
  stop(): Promise<void>;
};

export async function startKms(): Promise<KmsKit> {
  const keyd = await spawnKeyd();
  const opened: ReturnType<typeof openKms>[] = [];
  const operations = await startOperations(({ database, authorizer }) => {
    const region = "local";
    const kms = openKms({ database, keyd: keyd.client, region, authorizer, clock: Date.now });
    opened.push(kms);
    return [kmsService(kms), encryptionService({ keyd: keyd.client })];
  });
  const [kms] = opened;
  if (kms === undefined) throw new Error("The service was not opened");
  const post: KmsKit["post"] = (path, body = {}, key) =>
    operations.api("POST", `/v1/kms${path}`, body, key);
  return {
    operations,
    keyd,
    kms,
    post,
    get: (path, key) => operations.api("GET", `/v1/kms${path}`, undefined, key),
    newKey: async (given = {}) => (await post("/keys", given)).result.keyId,
    async stop() {
      await operations.stop();
      await keyd.remove();
    },
  };
}

export const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString("base64");

/** Material under a fresh wrapping key of this key, with its token. */
export async function wrapMaterial(kit: KmsKit, keyId: string, material: Buffer) {
  const { result } = await kit.post(`/keys/${keyId}:importParameters`, {
    wrappingAlgorithm: "RSAES_OAEP_SHA_256",
    wrappingKeySpec: "RSA_2048",
  });
  const der = Buffer.from(result.publicKey, "base64");
  const key = createPublicKey({ key: der, type: "spki", format: "der" });
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const encrypted = publicEncrypt({ key, padding, oaepHash: "sha256" }, material);
  return { importToken: String(result.importToken), encryptedMaterial: base64(encrypted) };
}
