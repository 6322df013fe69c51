/**
 * Keys of own authorities: they are used in keyd, also those made before; SM2 pairs, judged by
 * openssl and by a second implementation of SM2.
 */
import { createPublicKey, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { sm2 as judge } from "sm-crypto-v2";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../src/kernel/config.ts";
import { keydClient } from "../src/kernel/keyd/client.ts";
import { connectionFor } from "../src/kernel/postgres/connection.ts";
import { certificateFolder, hasProgram } from "./certificate-files.ts";
import { freePorts, type Stack, startStack } from "./stack.ts";

const BASE = "/v1/certificates";
const USER_ID = "1234567812345678";

describe.skipIf(!hasProgram("openssl", "version"))("authorities' keys (needs openssl)", () => {
  let stack: Stack;
  let files: ReturnType<typeof certificateFolder>;
  let database: pg.Client;
  let pkiPort = 0;

  beforeAll(async () => {
    files = certificateFolder();
    [pkiPort = 0] = await freePorts(1);
    stack = await startStack({ settings: () => ({ CORDON_PKI_PORT: String(pkiPort) }) });
    const config = readConfig({ CORDON_DATA: stack.dataFolder, CORDON_RUN: runFolderOf(stack) });
    database = new pg.Client(connectionFor(config));
    await database.connect();
  });
  afterAll(async () => {
    await database?.end();
    await stack?.stop();
    files?.remove();
  });
  const put = (name: string, bytes: string | Buffer) =>
    writeFileSync(join(files.folder, name), bytes);

  test("an SM2 pair verifies with openssl and a second implementation, and each key does its own", async () => {
    const made = await stack.api("POST", `${BASE}/authorities`, {
      name: "SM",
      keyAlgorithm: "SM2",
    });
    expect(made.result).toMatchObject({ keyAlgorithm: "SM2", kind: "intermediate" });
    const root = await stack.api("GET", `${BASE}/authorities/${made.result.parentId}`);
    put("sm-root.pem", root.result.certificatePem);
    put("sm-ca.pem", made.result.certificatePem);
    const asked = { name: "shop", names: ["shop.sm.test"] };
    const path = `${BASE}/authorities/${made.result.authorityId}:issueSm2Pair`;
    const { result } = await stack.api("POST", path, asked);
    expect(result.signing).toMatchObject({
      keyUse: "sm2Signing",
      keyAlgorithm: "SM2",
      pairCertificateId: result.encryption.certificateId,
    });
    const download = `${BASE}/certificates/${result.signing.certificateId}:download`;
    const pair = await stack.api("POST", download, { server: "tlcp" });
    const names = pair.result.files.map(({ name }: { name: string }) => name);
    expect(names).toEqual(
      ["sign.pem", "sign.key", "enc.pem", "enc.key"].map((end) => `shop.sm.test.${end}`),
    );
    for (const { name, contentBase64 } of pair.result.files) {
      put(name, Buffer.from(contentBase64, "base64"));
    }
    const id = `-vfyopt distid:${USER_ID}`;
    // openssl gives the user id to the last certificate of a chain only: one link at a time.
    expect(files.openssl(`verify ${id} -CAfile sm-root.pem sm-ca.pem`)).toContain("OK");
    for (const half of ["sign", "enc"]) {
      const leaf = `shop.sm.test.${half}.pem`;
      const chain = "-partial_chain -trusted sm-ca.pem";
      expect(files.openssl(`verify ${id} ${chain} ${leaf}`)).toContain("OK");
      const publicOfKey = files.openssl(`pkey -in shop.sm.test.${half}.key -pubout`);
      expect(files.openssl(`x509 -in ${leaf} -noout -pubkey`)).toBe(publicOfKey);
      expect(judgeVerifies(files, leaf, "sm-ca.pem")).toBe(true);
    }
    const usage = (half: string) =>
      files.openssl(`x509 -in shop.sm.test.${half}.pem -noout -ext keyUsage`);
    expect(usage("sign")).toMatch(/Digital Signature, Non Repudiation\s*$/);
    expect(usage("enc")).toMatch(/Key Encipherment, Data Encipherment, Key Agreement\s*$/);
    put("plain", "a premaster secret");
    files.openssl("x509 -in shop.sm.test.enc.pem -noout -pubkey -out enc.pub");
    files.openssl("pkeyutl -encrypt -pubin -inkey enc.pub -in plain -out sealed");
    files.openssl("pkeyutl -decrypt -inkey shop.sm.test.enc.key -in sealed -out opened");
    expect(readFileSync(join(files.folder, "opened"), "latin1")).toBe("a premaster secret");
    const crl = await fetch(`http://127.0.0.1:${pkiPort}/pki/${made.result.authorityId}.crl`);
    put("sm.crl", Buffer.from(await crl.arrayBuffer()));
    const text = files.openssl("crl -inform DER -in sm.crl -noout -text");
    expect(text).toContain("SM2-with-SM3");
  });

  test("SM2 authorities issue no other certificates, and others no SM2 pairs", async () => {
    const other = (await stack.api("POST", `${BASE}/authorities`, { name: "EC" })).result;
    const path = `${BASE}/authorities/${other.authorityId}:issueSm2Pair`;
    const refused = await stack.api("POST", path, { name: "x", names: ["x.test"] });
    expect(refused.error?.reason).toBe("certificates.authorityKeyUnfit");
    const sm = (
      await stack.api("POST", `${BASE}/authorities`, { name: "SM two", keyAlgorithm: "SM2" })
    ).result;
    const policy = await stack.api("POST", `${BASE}/issuancePolicies`, {
      name: "over ACME",
      authorityId: sm.authorityId,
      allowedNames: ["*.sm.test"],
    });
    expect(policy.error?.reason).toBe("certificates.authorityKeyUnfit");
  });

  test("no row has a key of an authority that opens as a secret", async () => {
    const { rows } = await database.query(
      "select key_sealed, key_wrapped from certificate_authority",
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(row.key_sealed).toBeNull();
      expect(row.key_wrapped.length).toBeGreaterThan(60);
    }
  });

  test("the key of an authority made before is taken over at its first use", async () => {
    const parameters = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30";
    files.openssl(`req -x509 ${parameters} -subj /CN=Old -keyout old.key -out old.pem`);
    files.openssl("pkcs8 -topk8 -nocrypt -in old.key -outform DER -out old.der");
    const { rows } = await database.query("select account_id from certificate_authority limit 1");
    const accountId: string = rows[0].account_id;
    const keyd = keydClient(join(runFolderOf(stack), "keyd.sock"));
    const pkcs8 = readFileSync(join(files.folder, "old.der"));
    const sealed = await keyd.seal("certificates.authorityKey", accountId, pkcs8);
    keyd.close();
    const pem = readFileSync(join(files.folder, "old.pem"), "latin1");
    await database.query(
      `insert into certificate_authority (account_id, authority_id, name, kind, certificate_pem,
        key_sealed, key_algorithm, expire_time, create_time)
       values ($1, 'ca-old0000000', 'Old', 'root', $2, $3, 'EC-P-256', now() + '1 day', now())`,
      [accountId, pem, sealed],
    );
    const crl = await fetch(`http://127.0.0.1:${pkiPort}/pki/ca-old0000000.crl`);
    expect(crl.status).toBe(200);
    put("old.crl", Buffer.from(await crl.arrayBuffer()));
    expect(files.openssl("crl -inform DER -in old.crl -noout -CAfile old.pem")).toContain("OK");
    const after = await database.query(
      "select key_sealed, key_wrapped from certificate_authority where authority_id = 'ca-old0000000'",
    );
    expect(after.rows[0].key_sealed).toBeNull();
    expect(after.rows[0].key_wrapped).not.toBeNull();
  });
});

function runFolderOf(stack: Stack): string {
  return join(stack.dataFolder, "run");
}

/** The signature of the certificate by the issuer's key, as sm-crypto-v2 finds it. */
function judgeVerifies(
  files: ReturnType<typeof certificateFolder>,
  leaf: string,
  issuer: string,
): boolean {
  const read = (name: string) => new X509Certificate(readFileSync(join(files.folder, name)));
  const der = read(leaf).raw;
  const [tbs, , signature] = childrenOf(der, 0);
  if (tbs === undefined || signature === undefined) return false;
  const spki = createPublicKey(readFileSync(join(files.folder, issuer))).export({
    type: "spki",
    format: "der",
  });
  const point = spki.subarray(-65).toString("hex");
  // A BIT STRING begins with the number of unused bits.
  const bits = contentOf(signature).subarray(1).toString("hex");
  const options = { der: true, hash: true, userId: USER_ID };
  return judge.doVerifySignature(new Uint8Array(tbs), bits, point, options);
}

/** Whole elements inside the SEQUENCE at `at`. */
function childrenOf(der: Buffer, at: number): readonly Buffer[] {
  const content = contentOf(der.subarray(at));
  const children: Buffer[] = [];
  for (let next = 0; next < content.length; ) {
    const { head, length } = headOf(content.subarray(next));
    children.push(content.subarray(next, next + head + length));
    next += head + length;
  }
  return children;
}

function contentOf(element: Buffer): Buffer {
  const { head, length } = headOf(element);
  return element.subarray(head, head + length);
}

function headOf(element: Buffer): { head: number; length: number } {
  const first = element[1] ?? 0;
  if (first < 0x80) return { head: 2, length: first };
  const octets = first & 0x7f;
  return { head: 2 + octets, length: element.readUIntBE(2, octets) };
}
