/** Promises of inventory and deployment, over the API of a whole Cordon with a real gateway. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificateFolder, hasProgram } from "../../../test/certificate-files.ts";
import { PASSWORD, type Stack, signInForKey, startStack, until } from "../../../test/stack.ts";
import { readConfig } from "../../kernel/config.ts";
import { connectionFor } from "../../kernel/postgres/connection.ts";

const BASE = "/v1/certificates";

describe.skipIf(!hasProgram("openssl", "version"))("certificates (needs openssl)", () => {
  let stack: Stack;
  let stranger: string;
  let origin: Server;
  let files: ReturnType<typeof certificateFolder>;
  let siteId: string;

  beforeAll(async () => {
    files = certificateFolder();
    stack = await startStack();
    origin = createServer((_request, response) => response.end("served"));
    await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
    const { port } = origin.address() as AddressInfo;
    const site = { domains: ["shop.test"], upstreams: [`http://127.0.0.1:${port}`], mode: "off" };
    siteId = (await stack.api("POST", "/v1/waf/sites", site)).result.siteId;
    const other = { accountName: "other", userName: "eve", password: PASSWORD };
    const { accountName: name, userName, password } = other;
    await stack.api("POST", "/v1/account/accounts", { name, userName, password });
    stranger = await signInForKey(stack.consolePort, other);
  });
  afterAll(async () => {
    await stack?.stop();
    origin?.close();
    files?.remove();
  });

  const upload = (name: string, given: object) =>
    stack.api("POST", `${BASE}/certificates`, { name, ...given });
  /** The reason of a refusal; empty when it was none. */
  const reasonOf = async (name: string, given: object) =>
    (await upload(name, given)).error?.reason ?? "";

  test("an upload shows what it is, and no answer but a download has the private key", async () => {
    const made = files.issue("plain", ["plain.test", "*.plain.test"]);
    const { result, code } = await upload("plain", made);
    expect(code).toBe(200);
    expect(result).toMatchObject({
      state: "valid",
      names: ["plain.test", "*.plain.test"],
      keyAlgorithm: "EC-P-256",
      hasPrivateKey: true,
      weaknesses: [],
    });
    const one = await stack.api("GET", `${BASE}/certificates/${result.certificateId}`);
    const all = await stack.api("GET", `${BASE}/certificates?text=plain.test`);
    expect(all.result.totalCount).toBe(1);
    expect(JSON.stringify([result, one, all])).not.toContain("PRIVATE KEY");
    expect(await reasonOf("again", made)).toBe("certificates.exists");
    const audit = await stack.api("GET", "/v1/audit/entries?pageSize=100");
    expect(JSON.stringify(audit)).not.toContain("PRIVATE KEY");
  });

  test("what does not fit, is weak, is cut off or is huge is refused with its reason", async () => {
    const made = files.issue("good", ["good.test"]);
    const { privateKeyPem } = files.issue("else", ["else.test"]);
    const explicit = "-pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit";
    const own = files.issue("own", ["own.test"], { key: `-newkey ec ${explicit} -nodes` });
    const weak = files.issue("weak", ["weak.test"], { key: "-newkey rsa:1024 -nodes" });
    expect(await reasonOf("x", { ...made, privateKeyPem })).toBe("certificates.keyMismatch");
    expect(await reasonOf("x", own)).toBe("certificates.curveRefused");
    expect(await reasonOf("x", weak)).toBe("certificates.weak");
    const cut = made.certificatePem.slice(0, 300);
    expect(await reasonOf("x", { certificatePem: cut })).toBe("certificates.pemInvalid");
    const huge = { certificatePem: "A".repeat(131_073) };
    expect(await reasonOf("x", huge)).toBe("kernel.inputInvalid");
    const flooded = { certificatePem: "A".repeat(1_100_000) };
    expect(await reasonOf("x", flooded)).toBe("kernel.bodyTooLarge");
    const { result } = await upload("weak", { ...weak, acceptWeak: true });
    expect(result.weaknesses).toEqual(["rsaTooShort"]);
    const { result: found } = await stack.api("GET", `${BASE}/findings`);
    expect(found.findings.map((one: { kind: string }) => one.kind)).toContain("weak");
  });

  test("each download opens with the server's own form, and needs a passphrase for a p12", async () => {
    const made = files.issue("down", ["down.test"], { key: "-newkey rsa:2048 -nodes" });
    const { result } = await upload("down", made);
    const path = `${BASE}/certificates/${result.certificateId}:download`;
    const names: string[] = [];
    for (const server of ["nginx", "apache", "tomcat", "iis"]) {
      const body = { server, passphrase: "p@ss word", legacy: server === "iis" };
      const { files: got } = (await stack.api("POST", path, body)).result;
      for (const file of got) {
        names.push(file.name);
        const content = Buffer.from(file.contentBase64, "base64");
        writeFileSync(join(files.folder, file.name), content);
      }
    }
    expect(names).toEqual([
      ...["down.test.fullchain.pem", "down.test.key"],
      ...["down.test.crt", "down.test.chain.crt", "down.test.key"],
      ...["down.test.p12", "down.test.pfx"],
    ]);
    const key = files.openssl("pkey -in down.test.key -pubout");
    expect(key).toBe(files.openssl("pkey -in down.key -pubout"));
    writeFileSync(join(files.folder, "pass"), "p@ss word\n");
    for (const name of ["down.test.p12", "down.test.pfx"]) {
      const text = files.openssl(`pkcs12 -in ${name} -passin file:pass -nodes -info`);
      expect(text).toContain("PRIVATE KEY");
      expect(text).toContain(name.endsWith("p12") ? "AES-256-CBC" : "pbeWithSHA1And3-KeyTripleDES");
    }
    const none = await stack.api("POST", path, { server: "tomcat" });
    expect(none.error?.reason).toBe("certificates.passphraseMissing");
  });

  test("a PKCS #12 file is taken with its passphrase and refused with another", async () => {
    files.issue("pkcs", ["pkcs.test"]);
    const line = "pkcs12 -export -inkey pkcs.key -in pkcs.pem -out pkcs.p12 -passout pass:secret";
    files.openssl(line);
    const contentBase64 = readFileSync(join(files.folder, "pkcs.p12")).toString("base64");
    const send = (passphrase: string, content = contentBase64) =>
      stack.api("POST", `${BASE}/certificates:uploadPkcs12`, {
        ...{ name: "pkcs", passphrase, contentBase64: content },
      });
    expect((await send("wrong")).error?.reason).toBe("certificates.pkcs12Invalid");
    expect((await send("secret", "AAAA")).error?.reason).toBe("certificates.pkcs12Invalid");
    expect((await send("secret")).result.names).toEqual(["pkcs.test"]);
  });

  test("another account's certificate answers exactly like one that does not exist", async () => {
    const { result } = await upload("mine", files.issue("mine", ["mine.test"]));
    const ask = async (id: string) => {
      const replies = [
        await stack.api("GET", `${BASE}/certificates/${id}`, undefined, stranger),
        await stack.api("PATCH", `${BASE}/certificates/${id}`, { name: "x" }, stranger),
        await stack.api("DELETE", `${BASE}/certificates/${id}`, undefined, stranger),
        await stack.api(
          ...(["POST", `${BASE}/certificates/${id}:download`] as const),
          ...([{ server: "nginx" }, stranger] as const),
        ),
      ];
      return replies.map(({ code, error }) => ({ code, error }));
    };
    const foreign = await ask(result.certificateId);
    expect(foreign).toEqual(await ask("cert-0000000000"));
    expect(foreign.map(({ code }) => code)).toEqual([404, 404, 404, 404]);
  });

  /** A connection to the gateway that stays open, and what it was served. */
  async function keptConnection(): Promise<{ socket: TLSSocket; serial: string }> {
    const socket = connect({
      ...{ host: "127.0.0.1", port: stack.httpsPort, servername: "shop.test" },
      rejectUnauthorized: false,
    });
    await new Promise((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
    });
    return { socket, serial: socket.getPeerCertificate().serialNumber.toLowerCase() };
  }

  const askOver = (socket: Socket): Promise<string> =>
    new Promise((resolve, reject) => {
      socket.once("data", (piece: Buffer) => resolve(piece.toString("latin1")));
      socket.once("close", () => reject(new Error("the connection was dropped")));
      socket.write("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    });

  const bind = (certificateId: string) =>
    stack.api("POST", `${BASE}/bindings`, { siteId, certificateId });
  const binding = async () => (await stack.api("GET", `${BASE}/bindings/${siteId}`)).result;

  test("a bound certificate is served to new connections while an open one goes on", async () => {
    const first = (await upload("first", files.issue("first", ["shop.test"]))).result;
    const second = (await upload("second", files.issue("second", ["shop.test"]))).result;
    expect((await bind(first.certificateId)).result.state).toBe("pending");
    await until("the first is served", async () => (await binding()).state === "served");
    const open = await keptConnection();
    expect(open.serial).toBe(first.serialNumber);
    expect(await askOver(open.socket)).toContain("200 OK");
    await bind(second.certificateId);
    await until("the second is served", async () => (await binding()).state === "served");
    expect(await askOver(open.socket)).toContain("200 OK");
    open.socket.destroy();
    const next = await keptConnection();
    expect(next.serial).toBe(second.serialNumber);
    next.socket.destroy();
    const inUse = await stack.api("DELETE", `${BASE}/certificates/${second.certificateId}`);
    expect(inUse.error?.reason).toBe("certificates.inUse");
  });

  test("a certificate for other names, or without its key, is not bound", async () => {
    const other = (await upload("other", files.issue("other", ["other.test"]))).result;
    expect((await bind(other.certificateId)).error?.reason).toBe("certificates.nameNotCovered");
    const { certificatePem } = files.issue("bare", ["shop.test"]);
    const bare = (await upload("bare", { certificatePem })).result;
    expect((await bind(bare.certificateId)).error?.reason).toBe("certificates.keyMissing");
  });

  test("no private key of the inventory lies in the database, not even in the intent", async () => {
    await until("bound", async () => (await binding()).state === "served");
    const client = new pg.Client({ ...connectionFor(readConfig(stack.env)) });
    await client.connect();
    const { rows } = await client.query(
      `select document::text as text from intent where plane = 'gateway'
       union all select full_chain_pem from certificate
       union all select encode(key_sealed, 'escape') from certificate where key_sealed is not null`,
    );
    await client.end();
    expect(rows.length).toBeGreaterThan(4);
    expect(rows.map(({ text }) => text).join("\n")).toContain("sealed:");
    expect(rows.map(({ text }) => text).join("\n")).not.toContain("PRIVATE KEY");
  });

  test("an end of the binding brings Cordon's own certificate back", async () => {
    expect((await stack.api("DELETE", `${BASE}/bindings/${siteId}`)).code).toBe(200);
    await until("Cordon's own", async () => {
      const { socket } = await keptConnection();
      const { CN } = socket.getPeerCertificate().issuer;
      socket.destroy();
      return CN === "Cordon internal CA";
    });
    expect((await stack.api("GET", `${BASE}/bindings/${siteId}`)).code).toBe(404);
  });

  test("reports count what expires, and keys that are used twice", async () => {
    const short = files.issue("short", ["short.test"], { days: 3 });
    const { result } = await upload("short", short);
    expect(result.state).toBe("valid");
    files.openssl("req -new -key short.key -out twin.csr -subj /CN=twin");
    files.openssl("x509 -req -in twin.csr -CA root.pem -CAkey root.key -days 30 -out twin.pem");
    await upload("twin", { certificatePem: files.read("twin.pem") });
    const { result: report } = await stack.api("GET", `${BASE}/reports/expiry?withinDays=7`);
    expect(report.within7DaysCount).toBe(1);
    expect(report.certificates[0].name).toBe("short");
    const { result: reuse } = await stack.api("GET", `${BASE}/reports/reuse`);
    expect(reuse.keys).toHaveLength(1);
    expect(reuse.keys[0].certificateIds).toHaveLength(2);
  });
});
