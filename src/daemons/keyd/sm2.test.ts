import { createHash } from "node:crypto";
import { sm2 as judge } from "sm-crypto-v2";
import { describe, expect, test } from "vitest";
import { checkedMaterial } from "./material.ts";
import { generateSm2, readPkcs8, writePkcs8, writeSpki } from "./native-key.ts";
import { opensslAvailable } from "./openssl.ts";
import { sm2Decrypt, sm2Encrypt, sm2Sign, sm2Verify } from "./sm2.ts";

/** GM/T 0003.5-2012 (GB/T 32918.5-2017), annex A: the printed key, message and signature. */
const SAMPLE = {
  private: "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8",
  public:
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020" +
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13",
  message: "message digest",
  r: "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3",
  s: "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa",
};

const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const head = body.length < 128 ? [tag, body.length] : [tag, 0x81, body.length];
  return Buffer.concat([Buffer.from(head), body]);
};
const integer = (hex: string): Buffer => {
  const bytes = Buffer.from(hex, "hex");
  return der(2, (bytes[0] ?? 0) > 127 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
};
const IDENTIFIER = Buffer.from("301306072a8648ce3d020106082a811ccf5501822d", "hex");

function pkcs8Of(privateHex: string, publicHex: string): Buffer {
  const point = der(3, Buffer.concat([Buffer.from([0]), Buffer.from(publicHex, "hex")]));
  const scalar = der(4, Buffer.from(privateHex, "hex"));
  const inner = der(0x30, integer("01"), scalar, der(0xa1, point));
  return der(0x30, integer("00"), IDENTIFIER, der(4, inner));
}
const signatureOf = (r: string, s: string) => der(0x30, integer(r), integer(s));

describe.skipIf(!opensslAvailable())("SM2 (koffi can be loaded)", () => {
  const sampleKey = () => readPkcs8(pkcs8Of(SAMPLE.private, SAMPLE.public));
  const message = Buffer.from(SAMPLE.message);

  test("the standard's printed signature verifies with the standard user id, and no other", () => {
    const signature = signatureOf(SAMPLE.r, SAMPLE.s);
    expect(sm2Verify(sampleKey(), { message, signature })).toBe(true);
    const userId = Buffer.from("8765432187654321");
    expect(sm2Verify(sampleKey(), { message, signature, userId })).toBe(false);
    expect(sm2Verify(sampleKey(), { message: Buffer.from("x"), signature })).toBe(false);
  });

  test("the standard's printed key is imported, one with another's public half is not", () => {
    const pkcs8 = pkcs8Of(SAMPLE.private, SAMPLE.public);
    expect(checkedMaterial("SM2", "pkcs8", pkcs8).length).toBeGreaterThan(100);
    const other = writeSpki(generateSm2()).subarray(-65).toString("hex");
    expect(() => checkedMaterial("SM2", "pkcs8", pkcs8Of(SAMPLE.private, other))).toThrow();
  });

  test("a second implementation verifies our signatures, and we verify its", () => {
    for (let round = 0; round < 10; round += 1) {
      const key = generateSm2();
      const publicHex = writeSpki(key).subarray(-65).toString("hex");
      const text = createHash("sha256").update(String(round)).digest("hex");
      const options = { der: true, hash: true, userId: "1234567812345678" };
      const ours = sm2Sign(key, Buffer.from(text, "utf8")).toString("hex");
      expect(judge.doVerifySignature(text, ours, publicHex, options)).toBe(true);
      const privateHex = privateScalar(writePkcs8(key));
      const theirs = judge.doSignature(text, privateHex, { ...options, publicKey: publicHex });
      const signature = Buffer.from(theirs, "hex");
      expect(sm2Verify(key, { message: Buffer.from(text), signature })).toBe(true);
    }
  });

  test("a second implementation decrypts what we encrypted, and we what it did", () => {
    const key = generateSm2();
    const publicHex = writeSpki(key).subarray(-65).toString("hex");
    const privateHex = privateScalar(writePkcs8(key));
    const ours = sm2Encrypt(key, message)?.toString("hex") ?? "";
    const options = { asn1: true };
    expect(judge.doDecrypt(ours, privateHex, 1, options)).toBe(SAMPLE.message);
    const theirs = Buffer.from(judge.doEncrypt(SAMPLE.message, publicHex, 1, options), "hex");
    expect(sm2Decrypt(key, theirs)?.toString()).toBe(SAMPLE.message);
  });

  test("every changed byte of an SM2 ciphertext is refused", () => {
    const key = generateSm2();
    const ciphertext = sm2Encrypt(key, message) ?? Buffer.alloc(0);
    for (let at = 0; at < ciphertext.length; at += 1) {
      const changed = Buffer.from(ciphertext);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(sm2Decrypt(key, changed)).toBeUndefined();
    }
  });
});

/** The 32 bytes after the version in the ECPrivateKey. */
function privateScalar(pkcs8: Buffer): string {
  const at = pkcs8.indexOf(Buffer.from("0201010420", "hex"));
  return pkcs8.subarray(at + 5, at + 37).toString("hex");
}
