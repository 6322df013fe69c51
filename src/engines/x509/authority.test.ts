/** What an authority makes is read the same by openssl: chain, revocation list and status. */
import { execFileSync, spawnSync } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issueCrl } from "./crl.ts";
import { issueIntermediate, issueLeaf, issueRoot } from "./issue.ts";
import { asksAbout, ocspRefusal, readOcspRequest, writeOcspResponse } from "./ocsp.ts";
import { writePem } from "./pem.ts";
import { newLeafKey, readRequest, writeRequest } from "./request.ts";
import { openSigner, type Signature } from "./signer.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const DAY_MS = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), "cordon-x509-"));
const nowMs = Date.now();
const validity = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + 400 * DAY_MS };

/** Output of both streams, so that a complaint can be asserted. */
function openssl(...args: string[]): string {
  const { stdout, stderr } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
  return stdout + stderr;
}

/** A key of this process, as keyd has one of its own. */
function newKey(algorithm: "EC-P-256" | "EC-P-384"): { signature: Signature; spki: Buffer } {
  const namedCurve = algorithm.slice(3);
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
  const hash = algorithm === "EC-P-256" ? "sha256" : "sha384";
  const signature = { algorithm, sign: async (message: Buffer) => sign(hash, message, privateKey) };
  return { signature, spki: publicKey.export({ type: "spki", format: "der" }) };
}

async function makeAuthority(algorithm: "EC-P-256" | "EC-P-384") {
  const named = (commonName: string, spki: Buffer, serialNumber: string) => ({
    ...validity,
    ...{ commonName, organization: "Test", spki, serialNumber },
  });
  const upper = newKey(algorithm);
  const rootPem = await issueRoot(upper.signature, named("Root", upper.spki, "01"));
  const root = openSigner(rootPem, upper.signature);
  const lower = newKey(algorithm);
  const pem = await issueIntermediate(root, named("Issuing", lower.spki, "02"), undefined);
  return { root, rootPem, pem, signer: openSigner(pem, lower.signature) };
}

let authority: Awaited<ReturnType<typeof makeAuthority>>;

beforeAll(async () => {
  authority = await makeAuthority("EC-P-256");
  const request = await readRequest(
    await writeRequest(await newLeafKey("RSA-2048"), ["a.test", "*.a.test"]),
  );
  const leaf = await issueLeaf(
    authority.signer,
    { ...validity, ...request, serialNumber: "7f00ff" },
    { crl: "http://c.test/crl", ocsp: "http://c.test/ocsp", issuer: "http://c.test/ca" },
  );
  writeFileSync(join(folder, "root.pem"), authority.rootPem);
  writeFileSync(join(folder, "ca.pem"), authority.pem);
  writeFileSync(join(folder, "leaf.pem"), leaf);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.skipIf(!hasOpenssl)("openssl builds the chain from root to leaf", () => {
  expect(
    openssl("verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "ca.pem", "leaf.pem"),
  ).toContain("leaf.pem: OK");
  const text = openssl("x509", "-in", "leaf.pem", "-noout", "-text");
  expect(text).toContain("DNS:*.a.test, DNS:a.test");
  expect(text).toContain("OCSP - URI:http://c.test/ocsp");
});

test.skipIf(!hasOpenssl)(
  "openssl finds a listed certificate revoked and an unlisted one good",
  async () => {
    const list = { number: 129, thisUpdateMs: nowMs - 1_000, nextUpdateMs: nowMs + DAY_MS };
    const verify = async (entries: Parameters<typeof issueCrl>[1]["entries"]) => {
      const crls = [
        await issueCrl(authority.signer, { ...list, entries }),
        await issueCrl(authority.root, { ...list, entries: [] }),
      ];
      writeFileSync(join(folder, "crl.pem"), crls.map((crl) => writePem("X509 CRL", crl)).join(""));
      const chain = ["-CAfile", "root.pem", "-untrusted", "ca.pem", "-CRLfile", "crl.pem"];
      return openssl("verify", "-crl_check_all", ...chain, "leaf.pem");
    };
    expect(await verify([])).toContain("leaf.pem: OK");
    const entry = { revokeTimeMs: nowMs - 5_000, reason: "keyCompromise" } as const;
    expect(await verify([{ serialNumber: "7f00ff", ...entry }])).toContain("certificate revoked");
    expect(openssl("crl", "-in", "crl.pem", "-noout", "-crlnumber")).toContain("crlNumber=0x81");
  },
);

test.skipIf(!hasOpenssl)("openssl believes good, revoked and unknown of an answer", async () => {
  for (const hash of ["-sha1", "-sha256"]) {
    openssl(
      ...["ocsp", hash, "-issuer", "ca.pem", "-cert", "leaf.pem", "-reqout", "request.der"],
      "-no_nonce",
    );
    const bytes = execFileSync("cat", ["request.der"], { cwd: folder });
    const question = readOcspRequest(bytes);
    const [entry] = question?.entries ?? [];
    if (question === undefined || entry === undefined) throw new Error("not read");
    expect(entry.serialNumber).toBe("7f00ff");
    expect(asksAbout(authority.signer, entry)).toBe(true);
    expect(asksAbout(authority.root, entry)).toBe(false);
    type Status = Parameters<typeof writeOcspResponse>[1]["statuses"][0]["status"];
    const told = async (status: Status) => {
      const answer = await writeOcspResponse(authority.signer, {
        statuses: [{ id: entry.id, status }],
        nonce: question.nonce,
        thisUpdateMs: nowMs - 1_000,
        nextUpdateMs: nowMs + DAY_MS,
      });
      writeFileSync(join(folder, "answer.der"), answer);
      const chain = ["-issuer", "ca.pem", "-CAfile", "root.pem", "-verify_other", "ca.pem"];
      const files = ["-cert", "leaf.pem", "-respin", "answer.der", "-no_nonce"];
      return openssl("ocsp", hash, ...chain, ...files);
    };
    expect(await told({ kind: "good" })).toMatch(/leaf.pem: good[\s\S]*Response verify OK/);
    expect(await told({ kind: "unknown" })).toContain("leaf.pem: unknown");
    const revoked = { serialNumber: "7f00ff", revokeTimeMs: nowMs, reason: "superseded" } as const;
    expect(await told({ kind: "revoked", entry: revoked })).toMatch(/revoked[\s\S]*superseded/);
  }
});

test("what is no request is not read, and refused with a status of RFC 6960", () => {
  expect(readOcspRequest(Buffer.from("30030a0100", "hex"))).toBeUndefined();
  expect(readOcspRequest(Buffer.alloc(10_000, 0x30))).toBeUndefined();
  expect(ocspRefusal("malformedRequest").toString("hex")).toBe("30030a0101");
});

test("a request whose signature is not by its key is refused", async () => {
  const der = await writeRequest(await newLeafKey("EC-P-256"), ["a.test"]);
  const last = der.length - 1;
  der[last] = (der[last] ?? 0) ^ 1;
  await expect(readRequest(der)).rejects.toMatchObject({ code: "requestInvalid" });
});
