/**
 * Cordon's own ACME server, judged by clients nobody here wrote: certbot, lego and acme-tiny issue,
 * renew and revoke; openssl finds the outcome in the revocation list and the online status.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificateFolder, hasProgram } from "./certificate-files.ts";
import { freePorts, rawApi, type Stack, startStack, until } from "./stack.ts";

const run = promisify(execFile);
const BASE = "/v1/certificates";
const here = hasProgram("openssl", "version") && hasProgram("pebble-challtestsrv", "-help");

describe.skipIf(!here)("the ACME server (needs openssl and pebble)", () => {
  let stack: Stack;
  let files: ReturnType<typeof certificateFolder>;
  let dns: ChildProcess;
  let httpPort = 0;
  let managementPort = 0;
  let env: Record<string, string>;
  let directory = "";
  let authority: { authorityId: string; certificatePem: string; parentId: string };

  beforeAll(async () => {
    files = certificateFolder();
    const [http = 0, dnsPort = 0, management = 0, pki = 0] = await freePorts(4);
    httpPort = http;
    managementPort = management;
    const off = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""];
    const ports = ["-dns01", `127.0.0.1:${dnsPort}`, "-management", `127.0.0.1:${management}`];
    dns = spawn("pebble-challtestsrv", [...off, ...ports], { stdio: "ignore" });
    stack = await startStack({
      envOf: () => ({
        CORDON_ACME_VALIDATION_PORT: String(http),
        CORDON_ACME_RESOLVER: `127.0.0.1:${dnsPort}`,
        CORDON_PRIVATE_TARGETS: "127.0.0.0/8",
        CORDON_PKI_PORT: String(pki),
      }),
    });
    const trust = join(stack.dataFolder, "keys", "authority.pem");
    env = {
      ...{ PATH: process.env.PATH ?? "", HOME: files.folder, PYTHONWARNINGS: "ignore" },
      ...{ REQUESTS_CA_BUNDLE: trust, SSL_CERT_FILE: trust, LEGO_CA_CERTIFICATES: trust },
    };
    authority = (await stack.api("POST", `${BASE}/authorities`, { name: "Test" })).result;
    const root = await stack.api("GET", `${BASE}/authorities/${authority.parentId}`);
    writeFileSync(join(files.folder, "own-root.pem"), root.result.certificatePem);
    writeFileSync(join(files.folder, "own-ca.pem"), authority.certificatePem);
    directory = await policy("open", { externalAccountRequired: false });
  });
  afterAll(async () => {
    dns?.kill();
    await stack?.stop();
    files?.remove();
  });

  async function policy(name: string, given: object): Promise<string> {
    const { result } = await stack.api("POST", `${BASE}/issuancePolicies`, {
      ...{ name, authorityId: authority.authorityId, allowedNames: ["*.acme.test"] },
      ...given,
    });
    return `https://localhost:${stack.consolePort}${result.directoryPath}`;
  }
  const at = (...names: string[]) => join(files.folder, ...names);
  const leafOf = (file: string) => files.openssl(`x509 -in ${file} -noout -serial`);

  /** What openssl says of a certificate by list and by status. */
  async function statusOf(file: string): Promise<{ crl: string; ocsp: string }> {
    const text = files.openssl(`x509 -in ${file} -noout -text`);
    const crlUrl = /URI:(http\S+\.crl)/.exec(text)?.[1] ?? "";
    const ocspUrl = /OCSP - URI:(\S+)/.exec(text)?.[1] ?? "";
    const der = Buffer.from(await (await fetch(crlUrl)).arrayBuffer());
    writeFileSync(at("list.der"), der);
    files.openssl("crl -inform DER -in list.der -out list.pem");
    const chain = ["-CAfile", "own-root.pem", "-untrusted", "own-ca.pem", "-CRLfile", "list.pem"];
    const verify = await run("openssl", ["verify", "-crl_check", ...chain, file], {
      cwd: files.folder,
    }).catch((error: { stderr: string }) => ({ stdout: error.stderr }));
    const ask = ["-issuer", "own-ca.pem", "-cert", file, "-url", ocspUrl, "-CAfile"];
    const ocsp = await run(
      ...(["openssl", ["ocsp", ...ask, "own-root.pem", "-verify_other", "own-ca.pem"]] as const),
      { cwd: files.folder },
    );
    return { crl: verify.stdout, ocsp: ocsp.stdout + ocsp.stderr };
  }

  const certbot = (...args: string[]) => {
    const folders = ["config", "work", "logs"].flatMap((name) => [`--${name}-dir`, at("cb", name)]);
    return run("certbot", [...args, "-n", "--server", directory, ...folders], { env });
  };

  test.skipIf(!hasProgram("certbot", "--version"))(
    "certbot issues, renews and revokes; list and status follow (needs certbot)",
    { timeout: 120_000 },
    async () => {
      const how = ["--standalone", "--http-01-port", String(httpPort)];
      const account = ["--register-unsafely-without-email", "--agree-tos"];
      await certbot("certonly", ...how, ...account, "-d", "a.acme.test", "-d", "b.acme.test");
      const file = at("cb", "config", "live", "a.acme.test", "fullchain.pem");
      const first = leafOf(file);
      expect(files.openssl(`verify -CAfile own-root.pem -untrusted ${file} ${file}`)).toContain(
        "OK",
      );
      const good = await statusOf(file);
      expect(good.crl).toContain("OK");
      expect(good.ocsp).toMatch(/Response verify OK/);
      expect(good.ocsp).toMatch(/fullchain.pem: good/);
      await certbot("renew", "--force-renewal", "--no-random-sleep-on-renew");
      expect(leafOf(file)).not.toBe(first);
      writeFileSync(at("cb-leaf.pem"), readFileSync(file));
      await certbot(
        "revoke",
        "--cert-path",
        file,
        "--reason",
        "keycompromise",
        "--no-delete-after-revoke",
      );
      await until("the list has it", async () =>
        (await statusOf("cb-leaf.pem")).crl.includes("certificate revoked"),
      );
      expect((await statusOf("cb-leaf.pem")).ocsp).toMatch(/revoked[\s\S]*keyCompromise/);
    },
  );

  const lego = (url: string, ...args: string[]) =>
    run("lego", ["--server", url, "--email", "a@acme.test", "-a", "--path", at("lego"), ...args], {
      env: { ...env, EXEC_PATH: at("dns.sh") },
    });

  test.skipIf(!hasProgram("lego", "--version"))(
    "lego issues a wildcard over DNS-01 with an external account, renews and revokes (needs lego)",
    { timeout: 120_000 },
    async () => {
      const url = await policy("external", {});
      const { result: policies } = await stack.api("GET", `${BASE}/issuancePolicies`);
      const { issuancePolicyId } = policies.issuancePolicies.find(
        (one: { name: string }) => one.name === "external",
      );
      const { result: key } = await stack.api("POST", `${BASE}/externalAccounts`, {
        ...{ issuancePolicyId, name: "lego" },
      });
      const api = `http://127.0.0.1:${managementPort}`;
      const script =
        `#!/bin/sh\n[ "$1" = present ] && p=set-txt || p=clear-txt\n` +
        `exec curl -sf -d "{\\"host\\":\\"$2\\",\\"value\\":\\"$3\\"}" ${api}/$p\n`;
      writeFileSync(at("dns.sh"), script, { mode: 0o755 });
      const names = ["-d", "*.lego.acme.test"];
      const how = ["--dns", "exec", "--dns.disable-cp", ...names];
      const refused = await lego(url, ...how, "run").catch((error: Error) => error.message);
      expect(refused).toMatch(/external account|EAB/i);
      const eab = ["--eab", "--kid", key.externalAccountId, "--hmac", key.hmacKey];
      await lego(url, ...eab, ...how, "run");
      const file = at("lego", "certificates", "_.lego.acme.test.crt");
      const first = leafOf(file);
      await lego(url, ...eab, ...how, "renew", "--days", "400", "--no-random-sleep");
      expect(leafOf(file)).not.toBe(first);
      writeFileSync(at("lego-leaf.pem"), readFileSync(file));
      await lego(url, ...eab, ...names, "revoke", "--keep");
      expect((await statusOf("lego-leaf.pem")).ocsp).toMatch(/lego-leaf.pem: revoked/);
      const other = ["--server", url, "--email", "b@acme.test", "-a", "--path", at("lego2")];
      const again = await run("lego", [...other, ...eab, ...how, "run"], {
        env: { ...env, EXEC_PATH: at("dns.sh") },
      }).catch((error: Error) => error.message);
      expect(again).toMatch(/unauthorized/);
    },
  );

  test.skipIf(!hasProgram("acme-tiny", "--help"))(
    "acme-tiny issues, and a name outside the policy is refused (needs acme-tiny)",
    { timeout: 120_000 },
    async () => {
      mkdirSync(at("tiny"));
      files.openssl("genrsa -out tiny.key 2048");
      const server = await serveFolder(at("tiny"), httpPort);
      const issue = async (name: string) => {
        files.issue(name, [name], { key: "-newkey rsa:2048 -nodes" });
        const args = ["--account-key", "tiny.key", "--csr", `${name}.csr`, "--acme-dir", "tiny"];
        return run("acme-tiny", [...args, "--directory-url", directory, "--disable-check"], {
          ...{ cwd: files.folder, env },
        });
      };
      try {
        const { stdout } = await issue("tiny.acme.test");
        writeFileSync(at("tiny.pem"), stdout);
        expect(files.openssl("verify -CAfile own-root.pem -untrusted tiny.pem tiny.pem")).toContain(
          "OK",
        );
        await expect(issue("tiny.other.test")).rejects.toThrow(/rejectedIdentifier/);
      } finally {
        server.close();
      }
    },
  );

  test("a wrong proof fails the order, and a used or foreign nonce is refused", async () => {
    const newNonce = directory.replace(/directory$/, "new-account");
    const path = new URL(newNonce).pathname;
    const bad = await rawApi(stack.consolePort, {
      ...{ method: "POST", path, body: {} },
      headers: { "content-type": "application/jose+json", host: `localhost:${stack.consolePort}` },
    });
    expect(bad.code).toBe(400);
    expect(JSON.parse(bad.text).type).toBe("urn:ietf:params:acme:error:malformed");
    const away = await rawApi(stack.consolePort, {
      ...{ method: "GET", path: new URL(directory).pathname, headers: { host: "evil.test" } },
    });
    expect(away.code).toBe(421);
    const none = await rawApi(stack.consolePort, {
      ...{ method: "GET", path: "/acme/ipol-0000000000/directory" },
      headers: { host: `localhost:${stack.consolePort}` },
    });
    expect(none.code).toBe(404);
  });
});

/** Serves files below the challenge path. */
async function serveFolder(folder: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const name = (request.url ?? "").split("/").at(-1) ?? "";
    try {
      response.end(readFileSync(join(folder, name)));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return server;
}
