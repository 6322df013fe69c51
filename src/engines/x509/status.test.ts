/** Answers made by openssl are believed when they should be, and only then. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificateFolder, hasProgram } from "../../../test/certificate-files.ts";
import { readPem } from "./pem.ts";
import { readCrlAnswer, readOcspAnswer, writeOcspQuestion } from "./status.ts";

const DAY_MS = 86_400_000;
const nowMs = Date.now();
const stamp = (ms: number): string =>
  new Date(ms).toISOString().replace(/[-:T]/g, "").slice(2, 14).concat("Z");

describe.skipIf(!hasProgram("openssl", "version"))("the status of others (needs openssl)", () => {
  let files: ReturnType<typeof certificateFolder>;
  const put = (name: string, text: string | Buffer) =>
    writeFileSync(join(files.folder, name), text);
  const bytes = (name: string) => readFileSync(join(files.folder, name));
  const der = (name: string) => readPem(files.read(name))[0]?.der ?? Buffer.alloc(0);
  const asked = (leaf: string) => ({ leaf: der(leaf), issuer: der("root.pem"), nowMs });

  beforeAll(() => {
    files = certificateFolder();
    for (const name of ["good", "bad"]) files.issue(name, [`${name}.test`]);
    const serial = (name: string) =>
      files.openssl(`x509 -in ${name}.pem -noout -serial`).trim().replace("serial=", "");
    const until = stamp(nowMs + 90 * DAY_MS);
    put(
      "index.txt",
      `V\t${until}\t\t${serial("good")}\tunknown\t/CN=good\n` +
        `R\t${until}\t${stamp(nowMs - DAY_MS)}\t${serial("bad")}\tunknown\t/CN=bad\n`,
    );
    put("crlnumber", "01\n");
    const lines = ["[ca]", "default_ca=c", "[c]", "database=index.txt", "crlnumber=crlnumber"];
    put("ca.cnf", `${[...lines, "default_md=sha256", "default_crl_days=2"].join("\n")}\n`);
    put("signing.cnf", "extendedKeyUsage=OCSPSigning\n");
    put("other.cnf", "extendedKeyUsage=serverAuth\n");
    for (const name of ["signing", "other"]) {
      const ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
      files.openssl(`req ${ec} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
      const by = "-CA root.pem -CAkey root.key -days 9";
      files.openssl(`x509 -req -in ${name}.csr ${by} -extfile ${name}.cnf -out ${name}.pem`);
    }
  });
  afterAll(() => files?.remove());

  /** What openssl's responder says about a leaf, signed by this certificate. */
  function answered(leaf: string, signer = "root"): Buffer {
    put("question.der", writeOcspQuestion(asked(leaf)));
    const base = "ocsp -index index.txt -CA root.pem -reqin question.der -respout answer.der";
    const line = `${base} -rsigner ${signer}.pem -rkey ${signer}.key -ndays 2`;
    const { status, stderr } = spawnSync("openssl", line.split(" "), { cwd: files.folder });
    if (status !== 0) throw new Error(String(stderr));
    return bytes("answer.der");
  }

  test("good and revoked are told by the issuer and by one it has made for answers", () => {
    for (const signer of ["root", "signing"]) {
      expect(readOcspAnswer(answered("good.pem", signer), asked("good.pem"))).toEqual({
        kind: "good",
      });
      expect(readOcspAnswer(answered("bad.pem", signer), asked("bad.pem"))).toMatchObject({
        kind: "revoked",
      });
    }
  });

  test("a server certificate of the same authority may not sign answers", () => {
    expect(() => readOcspAnswer(answered("good.pem", "other"), asked("good.pem"))).toThrow(
      "signature",
    );
  });

  test("an answer about another, an expired one and every changed byte are refused", () => {
    const answer = answered("good.pem");
    expect(() => readOcspAnswer(answer, asked("bad.pem"))).toThrow("another certificate");
    const later = { ...asked("good.pem"), nowMs: nowMs + 3 * DAY_MS };
    expect(() => readOcspAnswer(answer, later)).toThrow("expired");
    for (let at = 0; at < answer.length; at += 3) {
      const changed = Buffer.from(answer);
      changed[at] = (changed[at] ?? 0) ^ 1;
      let status: unknown;
      try {
        status = readOcspAnswer(changed, asked("good.pem"));
      } catch (error) {
        expect(error).toMatchObject({ name: "StatusFault" });
      }
      // Bytes beside what is signed, such as a certificate that is not needed, may be anything.
      if (status !== undefined) expect(status).toEqual({ kind: "good" });
    }
  });

  test("a list of the authority is believed, of another one or of another day not", () => {
    files.openssl("ca -config ca.cnf -gencrl -keyfile root.key -cert root.pem -out list.pem");
    const list = der("list.pem");
    expect(readCrlAnswer(list, asked("good.pem"))).toEqual({ kind: "good" });
    expect(readCrlAnswer(list, asked("bad.pem"))).toMatchObject({ kind: "revoked" });
    const later = { ...asked("good.pem"), nowMs: nowMs + 3 * DAY_MS };
    expect(() => readCrlAnswer(list, later)).toThrow("expired");
    const other = { ...asked("good.pem"), issuer: der("signing.pem") };
    expect(() => readCrlAnswer(list, other)).toThrow("another authority");
    const changed = Buffer.from(list);
    changed[list.length - 1] = (changed[list.length - 1] ?? 0) ^ 1;
    expect(() => readCrlAnswer(changed, asked("bad.pem"))).toThrow("signature");
  });
});
