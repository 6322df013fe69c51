/** Signed requests: vectors of RFC 7638 and RFC 7515, and what must not pass. */
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readRenewalId, renewalId } from "./challenge.ts";
import {
  jwkOf,
  jwkOfKey,
  jwsOf,
  readJws,
  signExternalAccount,
  signJws,
  thumbprint,
  verifyExternalAccount,
  verifyJws,
} from "./jws.ts";

const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const header = { url: "https://a.test/new", nonce: "n" };
const signed = () => {
  const jws = readJws(signJws(key, header, { a: 1 }));
  if (jws === undefined) throw new Error("not read");
  return jws;
};

test("the thumbprint is that of RFC 7638 §3.1", () => {
  const n =
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP" +
    "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY" +
    "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f" +
    "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
  const jwk = jwkOf({ kty: "RSA", n, e: "AQAB", alg: "RS256", kid: "2011-04-29" });
  const wanted = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
  expect(jwk && thumbprint(jwk)).toBe(wanted);
  expect(thumbprint({ n, kty: "RSA", e: "AQAB" })).toBe(wanted);
});

test("a signature holds for its own key and for no other, nor for another algorithm", () => {
  const jws = signed();
  expect(verifyJws(jws, jwkOfKey(key))).toBe("valid");
  expect(verifyJws(jws, jwkOfKey(other))).toBe("signature");
  const renamed = { ...jws, header: { ...jws.header, alg: "ES384" } };
  expect(verifyJws(renamed, jwkOfKey(key))).toBe("algorithm");
  const none = { ...jws, header: { ...jws.header, alg: "none" }, signature: Buffer.alloc(0) };
  expect(verifyJws(none, jwkOfKey(key))).toBe("algorithm");
  const symmetric = { ...jws, header: { ...jws.header, alg: "HS256" } };
  expect(verifyJws(symmetric, jwkOfKey(key))).toBe("algorithm");
});

test("any changed character of a request makes it unreadable or unsigned", () => {
  const text = signJws(key, header, { a: 1 });
  const whole = readJws(text)?.signature ?? Buffer.alloc(0);
  const place = fc.nat({ max: text.length - 1 });
  fc.assert(
    fc.property(place, fc.constantFrom(..."Az09-_{"), (at, character) => {
      fc.pre(text[at] !== character);
      const jws = readJws(text.slice(0, at) + character + text.slice(at + 1));
      if (jws === undefined) return;
      // The last character of base64 may carry bits that nobody reads.
      const same = Buffer.compare(jws.signature, whole) === 0;
      if (!same) expect(verifyJws(jws, jwkOfKey(key))).not.toBe("valid");
    }),
  );
});

test("an unprotected header, a private key, or several signatures are not read", () => {
  const fields = JSON.parse(signJws(key, header, {}));
  expect(jwsOf({ ...fields, header: { kid: "x" } })).toBeUndefined();
  expect(jwsOf({ ...fields, signatures: [] })).toBeUndefined();
  expect(jwkOf(key.export({ format: "jwk" }))).toBeUndefined();
  expect(readJws("x".repeat(200_000))).toBeUndefined();
});

test("an external account holds for its MAC key, its URL and the very account key", () => {
  const mac = Buffer.alloc(32, 7);
  const url = "https://a.test/new-account";
  const jws = jwsOf(signExternalAccount(mac, { kid: "k1", url }, jwkOfKey(key)));
  if (jws === undefined) throw new Error("not read");
  expect(verifyExternalAccount(jws, { mac, url, accountKey: jwkOfKey(key) })).toBe(true);
  const wrong = [
    { mac: Buffer.alloc(32, 8), url, accountKey: jwkOfKey(key) },
    { mac, url: `${url}x`, accountKey: jwkOfKey(key) },
    { mac, url, accountKey: jwkOfKey(other) },
  ];
  expect(wrong.map((one) => verifyExternalAccount(jws, one))).toEqual([false, false, false]);
});

test("the identifier of a certificate is that of RFC 9773 §4.1, and is read back", () => {
  const certificate = {
    authorityKeyId: "69885b6b87464041e1b37b847ba0ae2cde01c8d4",
    serialNumber: "8765432100000000",
  };
  const id = renewalId(certificate);
  expect(id).toBe("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyEAAAAA");
  expect(readRenewalId(id)).toEqual(certificate);
  expect(readRenewalId("a.b.c")).toBeUndefined();
});
