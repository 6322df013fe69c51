/** What an operator pastes is put in order or refused, with certificates that openssl made. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fullChainPem, readBundle } from "./bundle.ts";
import { coversHost } from "./certificate.ts";
import { X509Fault } from "./fault.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const folder = mkdtempSync(join(tmpdir(), "cordon-bundle-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function openssl(line: string): void {
  const { status, stderr } = spawnSync("openssl", line.split(" "), {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`openssl ${line}\n${stderr}`);
}
const pem = (name: string): string => readFileSync(join(folder, name), "utf8");
const codeOf = (texts: string[], passphrase?: string): string => {
  try {
    readBundle(texts, passphrase);
    return "accepted";
  } catch (error) {
    return error instanceof X509Fault ? error.code : String(error);
  }
};

/** A self-signed certificate over a new key. */
function selfSigned(name: string, key: string, more = ""): void {
  openssl(`req -x509 ${key} -nodes -keyout ${name}.key -out ${name}.pem -subj /CN=${name}${more}`);
}

beforeAll(() => {
  if (!hasOpenssl) return;
  const ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";
  selfSigned("root", ec);
  openssl(
    `req ${ec} -nodes -keyout mid.key -out mid.csr -subj /CN=mid -addext basicConstraints=CA:true`,
  );
  openssl("x509 -req -in mid.csr -CA root.pem -CAkey root.key -copy_extensions copy -out mid.pem");
  openssl(
    `req ${ec} -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf -addext subjectAltName=DNS:a.test`,
  );
  openssl("x509 -req -in leaf.csr -CA mid.pem -CAkey mid.key -copy_extensions copy -out leaf.pem");
  selfSigned("other", "-newkey rsa:2048", " -addext basicConstraints=critical,CA:false");
  openssl("ec -in leaf.key -aes256 -passout pass:secret -out locked.key");
});

test.skipIf(!hasOpenssl)("a chain in any order is put in order, and the root is left out", () => {
  const parts = [pem("root.pem"), pem("leaf.key"), pem("mid.pem"), pem("leaf.pem")];
  const bundle = readBundle(parts);
  expect(bundle.leaf.names).toEqual(["a.test"]);
  expect(bundle.rootSeen).toBe(true);
  expect(bundle.anchor).toBe("CN=root");
  expect(bundle.issuers.map(({ subject }) => subject)).toEqual(["CN=mid"]);
  expect(readBundle([fullChainPem(bundle)]).leaf.fingerprint).toBe(bundle.leaf.fingerprint);
  expect(readBundle([pem("leaf.pem"), pem("locked.key")], "secret").key?.pkcs8).toEqual(
    bundle.key?.pkcs8,
  );
});

test.skipIf(!hasOpenssl)("what does not belong together is refused with its reason", () => {
  expect(codeOf([pem("leaf.pem"), pem("other.key")])).toBe("keyMismatch");
  expect(codeOf([pem("leaf.pem"), pem("other.pem")])).toBe("chainBroken");
  expect(codeOf([pem("leaf.key")])).toBe("certificateMissing");
  expect(codeOf([pem("leaf.pem"), pem("locked.key")])).toBe("keyEncrypted");
  expect(codeOf([pem("leaf.pem"), pem("locked.key")], "wrong")).toBe("keyEncrypted");
  expect(codeOf([pem("leaf.pem"), pem("leaf.key"), pem("other.key")])).toBe("keyInvalid");
});

test.skipIf(!hasOpenssl)(
  "an issuer of the same name with another key is not taken for the issuer",
  () => {
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout x.key -out false-mid.pem -subj /CN=mid");
    expect(codeOf([pem("leaf.pem"), pem("false-mid.pem")])).toBe("chainBroken");
  },
);

test.skipIf(!hasOpenssl)("explicit curve parameters are refused in certificate and key", () => {
  const explicit = "-pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit";
  selfSigned("explicit", `-newkey ec ${explicit}`);
  expect(codeOf([pem("explicit.pem")])).toBe("explicitCurve");
  expect(codeOf([pem("leaf.pem"), pem("explicit.key")])).toBe("explicitCurve");
  openssl("ec -in explicit.key -param_enc explicit -out explicit-sec1.key");
  expect(pem("explicit-sec1.key")).toContain("EC PRIVATE KEY");
  expect(codeOf([pem("leaf.pem"), pem("explicit-sec1.key")])).toBe("explicitCurve");
});

test.skipIf(!hasOpenssl)("curves that TLS does not serve here are refused by name", () => {
  selfSigned("koblitz", "-newkey ec -pkeyopt ec_paramgen_curve:secp256k1");
  expect(codeOf([pem("koblitz.pem")])).toBe("curveNotAllowed");
});

test.skipIf(!hasOpenssl)("short RSA keys and SHA-1 signatures are called weak", () => {
  selfSigned("short", "-newkey rsa:1024");
  expect(readBundle([pem("short.pem")]).weaknesses).toEqual(["rsaTooShort"]);
  openssl("req -new -key other.key -out old.csr -subj /CN=old");
  openssl("x509 -req -sha1 -in old.csr -CA mid.pem -CAkey mid.key -out old.pem");
  expect(readBundle([pem("old.pem")]).weaknesses).toEqual(["sha1Signature"]);
});

test.skipIf(!hasOpenssl)("a file cut off anywhere is refused or says nothing new", () => {
  const whole = pem("leaf.pem") + pem("leaf.key");
  const known = readBundle([whole]);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: whole.length - 2 }), (length) => {
      try {
        const { leaf } = readBundle([whole.slice(0, length)]);
        expect(leaf.fingerprint).toBe(known.leaf.fingerprint);
        expect(length).toBeGreaterThanOrEqual(pem("leaf.pem").length - 1);
      } catch (error) {
        if (!(error instanceof X509Fault)) throw error;
      }
    }),
    { numRuns: 300 },
  );
});

test.skipIf(!hasOpenssl)(
  "any changed octet of a certificate is a fault of ours, never a crash",
  () => {
    const body = Buffer.from(pem("leaf.pem").replace(/-----.*-----|\n/g, ""), "base64");
    const change = fc.tuple(fc.nat({ max: body.length - 1 }), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(change, ([at, mask]) => {
        const bytes = Buffer.from(body);
        bytes[at] = (bytes[at] ?? 0) ^ mask;
        const text = bytes.toString("base64").replace(/.{64}/g, "$&\n");
        const file = `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
        expect(codeOf([file])).toMatch(/^[a-zA-Z]+$/);
      }),
      { numRuns: 500 },
    );
  },
);

test("a huge file is refused before it is read", () => {
  expect(codeOf(["-----BEGIN CERTIFICATE-----\n".repeat(20_000)])).toBe("pemTooLarge");
  const block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  expect(codeOf([block.repeat(17)])).toBe("pemTooLarge");
});

test("a wildcard covers one label and not the name itself", () => {
  expect(coversHost(["*.a.test"], "x.a.test")).toBe(true);
  expect(coversHost(["*.a.test"], "a.test")).toBe(false);
  expect(coversHost(["*.a.test"], "y.x.a.test")).toBe(false);
  expect(coversHost(["*.a.test"], "*.a.test")).toBe(true);
});
