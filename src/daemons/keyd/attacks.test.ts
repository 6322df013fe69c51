import { execFileSync } from "node:child_process";
import {
  constants,
  createCipheriv,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KeyBinding } from "../../engines/keys/binding.ts";
import { encodeFrame, FRAME_BYTES_MAX } from "../../kernel/keyd/frame.ts";
import type { KeyHandle } from "../../kernel/keyd/protocol.ts";
import { type SpawnedKeyd, spawnKeyd } from "./spawned-keyd.ts";

let keyd: SpawnedKeyd;
beforeAll(async () => {
  keyd = await spawnKeyd();
});
afterAll(async () => keyd.remove());

const AES: KeyBinding = {
  account: "acc-one",
  key: "key-0000000001",
  version: 1,
  algorithm: "SYMMETRIC_DEFAULT",
  usage: "ENCRYPT_DECRYPT",
};
const plaintext = Buffer.from("a secret of thirty-two bytes ok!");
const context = { table: "orders" };

async function make(binding: KeyBinding): Promise<KeyHandle> {
  return { binding, wrapped: (await keyd.client.generateKey(binding)).wrapped };
}
const refusal = (reason: string) => ({ name: "KeydError", reason });

describe("ciphertexts", () => {
  test.each(["SYMMETRIC_DEFAULT", "SM4_GCM", "SM4_CBC", "SM4_CTR"])(
    "%s: every truncation and every changed byte is refused, all in the same words",
    async (algorithm) => {
      const spec = algorithm === "SYMMETRIC_DEFAULT" ? algorithm : "SM4";
      const key = await make({ ...AES, algorithm: spec, key: `key-${spec.toLowerCase()}` });
      const ciphertext = await keyd.client.encrypt(key, { plaintext, context, algorithm });
      expect(await keyd.client.decrypt(key, { ciphertext, context })).toEqual(plaintext);
      const bad = Array.from(ciphertext, (_, at) => ciphertext.subarray(0, at));
      for (let at = 0; at < ciphertext.length; at += 1) {
        const changed = Buffer.from(ciphertext);
        changed[at] = (changed[at] ?? 0) ^ 0x40;
        bad.push(changed);
      }
      const results = await keyd.client.decryptMany(key, { ciphertexts: bad, context });
      expect(new Set(results.map((result) => JSON.stringify(result)))).toEqual(
        new Set([JSON.stringify({ error: "ciphertextInvalid" })]),
      );
    },
  );

  test("another context, key version, key or account does not decrypt", async () => {
    const key = await make(AES);
    const ciphertext = await keyd.client.encrypt(key, { plaintext, context });
    const others = [
      await make(AES),
      await make({ ...AES, version: 2 }),
      await make({ ...AES, key: "key-0000000002" }),
      await make({ ...AES, account: "acc-two" }),
    ];
    for (const other of others) {
      const tried = keyd.client.decrypt(other, { ciphertext, context });
      await expect(tried).rejects.toMatchObject(refusal("ciphertextInvalid"));
    }
    for (const wrong of [{}, { table: "orders", more: "1" }, { tableo: "rders" }]) {
      const tried = keyd.client.decrypt(key, { ciphertext, context: wrong });
      await expect(tried).rejects.toMatchObject(refusal("ciphertextInvalid"));
    }
  });

  test("the same material bound to another account does not decrypt either", async () => {
    const key = await make(AES);
    const ciphertext = await keyd.client.encrypt(key, { plaintext, context });
    const to = { ...AES, account: "acc-two" };
    const { wrapped } = await keyd.client.rebind(key, to);
    const tried = keyd.client.decrypt({ binding: to, wrapped }, { ciphertext, context });
    await expect(tried).rejects.toMatchObject(refusal("ciphertextInvalid"));
  });

  test("PKCS #1 v1.5 is refused unless it is switched on", async () => {
    const key = await make({ ...AES, key: "key-rsa", algorithm: "RSA_2048" });
    const options = { plaintext, algorithm: "RSAES_PKCS1_V1_5" };
    const tried = keyd.client.encrypt(key, options);
    await expect(tried).rejects.toMatchObject(refusal("algorithmUnavailable"));
    const allowed = await keyd.client.encrypt(key, { ...options, allowPkcs1v15: true });
    expect(allowed).toHaveLength(256);
  });
});

describe("wrapped keys", () => {
  test("under any other binding, in memory or not, a wrapped key is refused", async () => {
    const key = await make(AES);
    await keyd.client.encrypt(key, { plaintext });
    const other: KeyBinding[] = [
      { ...AES, account: "acc-two" },
      { ...AES, key: "key-0000000009" },
      { ...AES, version: 7 },
      { ...AES, algorithm: "HMAC_256", usage: "GENERATE_VERIFY_MAC" },
    ];
    for (const binding of other) {
      const handle = { binding, wrapped: key.wrapped };
      const tried =
        binding.usage === "ENCRYPT_DECRYPT"
          ? keyd.client.encrypt(handle, { plaintext })
          : keyd.client.mac(handle, { message: plaintext });
      await expect(tried).rejects.toMatchObject(refusal("wrappedKeyInvalid"));
    }
  });

  test("another version's row under this version's binding is not answered from memory", async () => {
    const first = await make(AES);
    const second = await make({ ...AES, version: 2 });
    await keyd.client.encrypt(first, { plaintext });
    const swapped = { binding: AES, wrapped: second.wrapped };
    const tried = keyd.client.encrypt(swapped, { plaintext });
    await expect(tried).rejects.toMatchObject(refusal("wrappedKeyInvalid"));
  });

  test("ids that could be paths are refused", async () => {
    for (const account of ["../root", "a/b", "", ".hidden", "x".repeat(65)]) {
      const tried = keyd.client.generateKey({ ...AES, account });
      await expect(tried).rejects.toMatchObject(refusal("inputInvalid"));
    }
  });
});

describe("imports", () => {
  const P256: KeyBinding = {
    ...AES,
    key: "key-import",
    algorithm: "ECC_NIST_P256",
    usage: "SIGN_VERIFY",
  };

  test("explicit curve parameters are refused, in keys and in public keys", async () => {
    const pair = (paramEncoding: "explicit" | "named") =>
      generateKeyPairSync("ec", { namedCurve: "P-256", paramEncoding });
    const bad = pair("explicit");
    const material = bad.privateKey.export({ type: "pkcs8", format: "der" });
    const tried = keyd.client.importKey(P256, { form: "pkcs8", material });
    await expect(tried).rejects.toMatchObject(refusal("materialInvalid"));
    const agreement = await make({ ...P256, key: "key-agree", usage: "KEY_AGREEMENT" });
    const spki = bad.publicKey.export({ type: "spki", format: "der" });
    const agreed = keyd.client.deriveSharedSecret(agreement, spki);
    await expect(agreed).rejects.toMatchObject(refusal("inputInvalid"));
    const good = pair("named").publicKey.export({ type: "spki", format: "der" });
    expect(await keyd.client.deriveSharedSecret(agreement, good)).toHaveLength(32);
  });

  test("wrong sizes, curves and kinds of material are refused", async () => {
    const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
    const der = p384.export({ type: "pkcs8", format: "der" });
    const tries = [
      keyd.client.importKey(AES, { form: "raw", material: randomBytes(16) }),
      keyd.client.importKey(AES, { form: "raw", material: randomBytes(33) }),
      keyd.client.importKey(P256, { form: "pkcs8", material: der }),
      keyd.client.importKey(P256, { form: "raw", material: randomBytes(32) }),
    ];
    for (const tried of tries) {
      await expect(tried).rejects.toMatchObject(refusal("materialInvalid"));
    }
  });

  const target = { account: AES.account, key: AES.key, wrappingKeySpec: "RSA_2048" as const };
  const parameters = () =>
    keyd.client.importParameters({ ...target, expireTimeMs: Date.now() + 60_000 });
  const oaep = (publicKey: Buffer, oaepHash: string, bytes: Buffer) =>
    publicEncrypt(
      {
        key: createPublicKey({ key: publicKey, type: "spki", format: "der" }),
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash,
      },
      bytes,
    );

  test("a token works once: its replay, at once or after a restart, is refused", async () => {
    const { token, publicKey } = await parameters();
    const material = oaep(publicKey, "sha256", randomBytes(32));
    const request = { token, material, wrappingAlgorithm: "RSAES_OAEP_SHA_256" as const };
    const both = await Promise.allSettled([
      keyd.client.importWrapped(AES, request),
      keyd.client.importWrapped(AES, request),
    ]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    await keyd.end("SIGKILL");
    await keyd.start();
    const tried = keyd.client.importWrapped(AES, request);
    await expect(tried).rejects.toMatchObject(refusal("importTokenInvalid"));
  });

  test("a token serves its own key and account only", async () => {
    const { token, publicKey } = await parameters();
    const material = oaep(publicKey, "sha1", randomBytes(32));
    const request = { token, material, wrappingAlgorithm: "RSAES_OAEP_SHA_1" as const };
    for (const other of [{ key: "key-0000000077" }, { account: "acc-two" }]) {
      await make({ ...AES, ...other });
      const tried = keyd.client.importWrapped({ ...AES, ...other }, request);
      await expect(tried).rejects.toMatchObject(refusal("importTokenInvalid"));
    }
    expect((await keyd.client.importWrapped(AES, request)).wrapped.length).toBeGreaterThan(32);
  });

  test("RSA with AES key wrap brings in a private key; a wrong wrapped size is refused", async () => {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pkcs8 = pair.privateKey.export({ type: "pkcs8", format: "der" });
    const { token, publicKey } = await keyd.client.importParameters({
      ...target,
      key: P256.key,
      expireTimeMs: Date.now() + 60_000,
    });
    const aes = randomBytes(32);
    const iv = Buffer.from("a65959a6", "hex");
    const cipher = createCipheriv("id-aes256-wrap-pad", aes, iv);
    const wrapped = Buffer.concat([cipher.update(pkcs8), cipher.final()]);
    const material = Buffer.concat([oaep(publicKey, "sha256", aes), wrapped]);
    const wrappingAlgorithm = "RSA_AES_KEY_WRAP_SHA_256" as const;
    for (const cut of [1, 8, 16]) {
      const short = { token, material: material.subarray(0, -cut), wrappingAlgorithm };
      const tried = keyd.client.importWrapped(P256, short);
      await expect(tried).rejects.toMatchObject(refusal("materialInvalid"));
    }
    const key = await keyd.client.importWrapped(P256, { token, material, wrappingAlgorithm });
    expect(key.publicKey).toEqual(pair.publicKey.export({ type: "spki", format: "der" }));
  });
});

describe("the socket", () => {
  test("is its owner's alone", () => {
    expect(statSync(keyd.socketPath).mode & 0o777).toBe(0o600);
  });

  test("an oversized or broken frame ends that connection, and keyd goes on", async () => {
    const length = Buffer.alloc(12);
    length.writeUInt32BE(FRAME_BYTES_MAX, 0);
    const broken = encodeFrame({ id: 1, header: { op: "random" }, parts: [Buffer.alloc(4)] });
    broken.writeUInt32BE(1_000, broken.length - 8);
    for (const bytes of [length, broken, Buffer.from("GET / HTTP/1.1\r\n\r\n")]) {
      const socket = connect(keyd.socketPath);
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.on("error", () => {});
      socket.resume();
      socket.write(bytes);
      await closed;
    }
    expect(await keyd.client.random(8)).toHaveLength(8);
  });

  test("what is too large is refused before it is sent", async () => {
    const tried = keyd.client.seal("test", "acc-one", Buffer.alloc(FRAME_BYTES_MAX));
    await expect(tried).rejects.toMatchObject(refusal("inputInvalid"));
  });
});

describe("the process", () => {
  test.skipIf(process.platform !== "linux")("can leave no core dump", async () => {
    const { hardening } = await keyd.client.health();
    expect(hardening).toContain("no core dumps, no tracing by its own user");
    const limits = readFileSync(`/proc/${keyd.pid()}/limits`, "latin1");
    expect(limits).toMatch(/Max core file size +0 +0 /);
  });

  test("killed and started again, it answers who waited; nothing in clear is on disk", async () => {
    const planted = Buffer.from("planted-material-0123456789abcde");
    const key = {
      binding: AES,
      wrapped: (await keyd.client.importKey(AES, { form: "raw", material: planted })).wrapped,
    };
    const sealed = await keyd.client.seal("test", "acc-one", planted);
    for (let round = 0; round < 3; round += 1) {
      await keyd.end("SIGKILL");
      const waiting = keyd.client.encrypt(key, { plaintext });
      await sleep(100);
      await keyd.start();
      const ciphertext = await waiting;
      expect(await keyd.client.decrypt(key, { ciphertext })).toEqual(plaintext);
    }
    expect(await keyd.client.open("test", "acc-one", sealed)).toEqual(planted);
    const found = () => {
      try {
        return execFileSync("grep", ["-rl", "planted-material", keyd.dataFolder]).toString();
      } catch {
        return "";
      }
    };
    const control = join(keyd.dataFolder, "control");
    mkdirSync(control);
    writeFileSync(join(control, "file"), planted);
    expect(found()).toContain("control");
    rmSync(control, { recursive: true });
    expect(found()).toBe("");
  });
});
