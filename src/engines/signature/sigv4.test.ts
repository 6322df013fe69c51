/** Signature Version 4: what is signed holds, and any change of it does not. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { SignedRequest } from "./signed-request.ts";
import { parseSigv4, signSigv4, sigv4Matches, unsignedAmzHeader } from "./sigv4.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const NAMES = ["content-type", "host", "x-amz-date", "x-amz-target"];

function request(parts: Partial<SignedRequest> = {}): SignedRequest {
  const body = Buffer.from('{"KeyId":"key-0123456789"}');
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    host: "cordon.example:9443",
    "x-amz-date": "20261128T120000Z",
    "x-amz-target": "TrentService.DescribeKey",
  };
  return { method: "POST", path: "/", query: "", headers, body, ...parts };
}

function authorization(of: SignedRequest, names: readonly string[] = NAMES): string {
  const scope = { date: "20261128", region: "local", service: "kms" };
  const unsigned = { accessKeyId: "ak-0123456789", scope, signedHeaders: names };
  const signature = signSigv4(of, unsigned, SECRET);
  return (
    "AWS4-HMAC-SHA256 Credential=ak-0123456789/20261128/local/kms/aws4_request, " +
    `SignedHeaders=${names.join(";")}, Signature=${signature}`
  );
}

function holds(of: SignedRequest, header: string, secret = SECRET): boolean {
  const parsed = parseSigv4(header);
  return parsed !== undefined && sigv4Matches(of, parsed, secret);
}

test("a signature holds for its request and secret, and for no changed one", () => {
  const good = request();
  const header = authorization(good);
  expect(holds(good, header)).toBe(true);
  expect(holds(good, header, `${SECRET}x`)).toBe(false);
  const target = { ...good.headers, "x-amz-target": "TrentService.Decrypt" };
  const changes: Partial<SignedRequest>[] = [
    { body: Buffer.from('{"KeyId":"key-0123456780"}') },
    { method: "PUT" },
    { path: "//" },
    { query: "a=1" },
    { headers: target },
  ];
  for (const change of changes) expect(holds(request(change), header)).toBe(false);
  for (const [from, to] of [
    ["/local/", "/other/"],
    ["/kms/", "/sts/"],
    ["/20261128/", "/20261129/"],
  ] as const) {
    expect(holds(good, header.replace(from, to))).toBe(false);
  }
});

test("a header that tells another hash of the body is refused", () => {
  const hash = createHash("sha256").update("else").digest("hex");
  const told = request({ headers: { ...request().headers, "x-amz-content-sha256": hash } });
  const header = authorization(request());
  expect(holds(told, header)).toBe(false);
  expect(parseSigv4(header) && unsignedAmzHeader(told, parseSigv4(header) as never)).toBe(
    "x-amz-content-sha256",
  );
});

test("a signature that leaves out host, time or target is no signature", () => {
  for (const name of ["host", "x-amz-date", "x-amz-target"]) {
    const names = NAMES.filter((one) => one !== name);
    expect(parseSigv4(authorization(request(), names))).toBeUndefined();
  }
  const twice = authorization(request()).replace("host;", "host;host;");
  expect(parseSigv4(twice)).toBeUndefined();
});
