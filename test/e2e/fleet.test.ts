/** A node of the fleet by hand: it joins, renews its certificate, and is removed. */
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openIntentClient } from "../../src/kernel/intent/client.ts";
import { keepIdentity, readIdentity } from "../../src/kernel/intent/identity-file.ts";
import { joinTicketFile, type NodeIdentity } from "../../src/kernel/intent/protocol.ts";
import { createCertificateRequest } from "../../src/kernel/pki/authority.ts";
import { type Stack, startStack } from "../stack.ts";

const DAY_MS = 86_400_000;

let stack: Stack;
let folder = "";
let identity: NodeIdentity;
const ended = new AbortController();

beforeAll(async () => {
  stack = await startStack();
  folder = mkdtempSync(join(tmpdir(), "cordon-node-"));
  const made = await stack.api("POST", "/v1/fleet/joinTokens", {
    name: "by-hand",
    plane: "gateway",
  });
  const ticket = {
    url: `https://127.0.0.1:${stack.env.CORDON_FLEET_PORT}`,
    token: made.result.token,
    authorityPem: readFileSync(join(stack.dataFolder, "keys", "authority.pem"), "utf8"),
  };
  writeFileSync(join(folder, joinTicketFile), JSON.stringify(ticket));
  await openIntentClient(folder, ended.signal);
  const joined = readIdentity(folder, Date.now());
  if (joined === undefined) throw new Error("The node did not join");
  identity = joined;
});

afterAll(async () => {
  ended.abort();
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function post(as: NodeIdentity, path: string, body: unknown) {
  return new Promise<{ code: number; text: string }>((resolve, reject) => {
    const { url, authorityPem: ca, certificatePem: cert, privateKeyPem: key } = as;
    const options = { method: "POST", agent: false, ca, cert, key } as const;
    const request = https.request(`${url}${path}`, options, (answer) => {
      let text = "";
      answer.on("data", (chunk) => {
        text += String(chunk);
      });
      answer.on("end", () => resolve({ code: answer.statusCode ?? 0, text }));
    });
    request.on("error", reject);
    request.end(JSON.stringify(body));
  });
}

const report = (as: NodeIdentity) => post(as, "/fleet/v1/status", { runningVersion: 1 });

test("a node's certificate lasts about a month", () => {
  const { validToDate } = new X509Certificate(identity.certificatePem);
  const days = (validToDate.getTime() - Date.now()) / DAY_MS;
  expect(days).toBeGreaterThan(28);
  expect(days).toBeLessThan(32);
});

test("both certificates are taken until the newer one was used, then only that", async () => {
  const { requestPem, privateKeyPem } = await createCertificateRequest("any name");
  const answer = await post(identity, "/fleet/v1/renew", { requestPem });
  expect(answer.code).toBe(200);
  const { certificatePem } = JSON.parse(answer.text) as { certificatePem: string };
  expect(new X509Certificate(certificatePem).subject).toBe(`CN=${identity.nodeId}`);
  // A node that died before it kept the new one comes back with the old one.
  expect((await report(identity)).code).toBe(200);
  const renewed = { ...identity, certificatePem, privateKeyPem };
  expect((await report(renewed)).code).toBe(200);
  expect((await report(identity)).code).toBe(401);
  await keepIdentity(folder, renewed);
  identity = renewed;
});

test("a gateway's counts are taken in their form only, and from nobody without a certificate", async () => {
  const counts = (count: unknown) => ({ scopes: [{ scope: "site-a/limit", counts: [count] }] });
  expect((await post(identity, "/fleet/v1/rates", counts([1, 2, 3]))).code).toBe(200);
  for (const wrong of [[1, 2], [1, 2, 0], [1, 2, -3], [2 ** 32, 2, 3], "x"]) {
    expect((await post(identity, "/fleet/v1/rates", counts(wrong))).code).toBe(400);
  }
  const stranger = { ...identity, certificatePem: "", privateKeyPem: "" };
  expect((await post(stranger, "/fleet/v1/rates", counts([1, 2, 3]))).code).toBe(401);
});

test("a removed node can neither report nor renew, and its counts are refused", async () => {
  await stack.api("DELETE", `/v1/fleet/nodes/${identity.nodeId}`);
  expect((await report(identity)).code).toBe(401);
  expect((await post(identity, "/fleet/v1/rates", { scopes: [] })).code).toBe(401);
  const { requestPem } = await createCertificateRequest("any name");
  expect((await post(identity, "/fleet/v1/renew", { requestPem })).code).toBe(401);
});
