/** Requests signed with an access key, and what happens to them when anything is changed. */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAuthorization, sign } from "../src/engines/signature/jdcloud2.ts";
import { canonicalQuery, type SignedRequest } from "../src/engines/signature/signed-request.ts";
import {
  createNonceMemory,
  limits,
  signatureFault,
} from "../src/kernel/identity/signed-request.ts";

const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);
const SECRET = "pQ8s2xkz7Yw1nF4v6Rt9uB3cD5eG0hJ";
const KEY = "ak-0123456789";
const MUTATIONS = 12_000;

function stamp(ms: number): string {
  return new Date(ms).toISOString().replace(/[:-]|\.\d{3}/g, "");
}

type Form = "canonical" | "raw";

/** A signed request, by the rules of one of the two SDKs. */
function signed(form: Form = "canonical", parts: Partial<SignedRequest> = {}): SignedRequest {
  const date = stamp(NOW);
  const request: SignedRequest = {
    method: "POST",
    path: "/v1/waf/sites/site-0123456789%3Arun",
    query: "pageNumber=1&filters.1.name=mode&filters.1.values.1=block%20x",
    body: Buffer.from('{"mode":"block","name":"ä"}'),
    ...parts,
    headers: {
      host: "cordon.example:9443",
      "content-type": "application/json",
      accept: "application/json",
      "user-agent": "sdk/1",
      "x-jdcloud-date": date,
      "x-jdcloud-nonce": randomUUID(),
      ...parts.headers,
    },
  };
  const signedHeaders = ["accept", "content-type", "host", "x-jdcloud-date", "x-jdcloud-nonce"];
  const scope = { date: date.slice(0, 8), region: "jdcloud", service: "waf" };
  const query = form === "raw" ? request.query : (canonicalQuery(request.query) ?? "");
  // `sign` escapes the query it is given; a query already in that form stays as it is.
  const signature = sign({ ...request, query }, { accessKeyId: KEY, scope, signedHeaders }, SECRET);
  const authorization =
    `JDCLOUD2-HMAC-SHA256 Credential=${KEY}/${scope.date}/jdcloud/waf/jdcloud2_request, ` +
    `SignedHeaders=${signedHeaders.join(";")}, Signature=${signature}`;
  return { ...request, headers: { ...request.headers, authorization } };
}

function fault(request: SignedRequest, nonces = createNonceMemory(), nowMs = NOW) {
  const parsed = parseAuthorization(request.headers.authorization ?? "");
  if (parsed === undefined) return "form";
  return signatureFault(request, parsed, { secret: SECRET, service: "waf", nowMs, nonces });
}

test("a request signed by either SDK's rule is accepted once, and refused when it comes again", () => {
  for (const form of ["canonical", "raw"] as const) {
    const nonces = createNonceMemory();
    const request = signed(form);
    expect(fault(request, nonces)).toBeUndefined();
    expect(fault(request, nonces)).toBe("replay");
  }
});

test("the date window is closed on both sides and a nonce is remembered as long as it is open", () => {
  const request = signed();
  expect(fault(request, createNonceMemory(), NOW + limits.dateWindowMs)).toBeUndefined();
  expect(fault(request, createNonceMemory(), NOW + limits.dateWindowMs + 1)).toBe("date");
  expect(fault(request, createNonceMemory(), NOW - limits.dateWindowMs - 1)).toBe("date");
  const nonces = createNonceMemory();
  expect(fault(request, nonces, NOW - limits.dateWindowMs)).toBeUndefined();
  for (let late = 0; late <= 2 * limits.dateWindowMs; late += 10_000) {
    expect(fault(request, nonces, NOW - limits.dateWindowMs + late)).toBe("replay");
  }
});

test("a full memory of nonces refuses new requests and forgets none", () => {
  const nonces = createNonceMemory(2);
  const [first, second, third] = [signed(), signed(), signed()];
  expect([fault(first, nonces), fault(second, nonces)]).toEqual([undefined, undefined]);
  expect(fault(third, nonces)).toBe("replay");
  expect(fault(first, nonces)).toBe("replay");
});

test("a header that means something and is not signed is refused", () => {
  const token = signed("canonical", { headers: { "x-jdcloud-security-token": "t" } });
  expect(fault(token)).toBe("unsignedHeader");
  expect(fault(signed("canonical", { headers: { "idempotency-key": "k" } }))).toBe(
    "unsignedHeader",
  );
});

const other = (text: string) =>
  fc.string({ minLength: 1, maxLength: 12 }).filter((one) => one !== text);

/** Changes one character of a text to another. */
function flipped(text: string): fc.Arbitrary<string> {
  return fc
    .tuple(fc.nat({ max: Math.max(0, text.length - 1) }), fc.constantFrom(..."abz019AZ-/=&%;:, "))
    .map(([at, char]) => text.slice(0, at) + char + text.slice(at + 1))
    .filter((changed) => changed !== text);
}

function header(request: SignedRequest, name: string, value: string | undefined): SignedRequest {
  return { ...request, headers: { ...request.headers, [name]: value } };
}

type Mutation = { kind: string; request: SignedRequest };

const one = (kind: string, value: fc.Arbitrary<SignedRequest>): fc.Arbitrary<Mutation> =>
  value.map((request) => ({ kind, request }));

/** Changes of signed headers. */
function headerMutations(request: SignedRequest): fc.Arbitrary<Mutation>[] {
  const names = ["host", "content-type", "accept", "x-jdcloud-date", "x-jdcloud-nonce"] as const;
  return [
    one(
      "header",
      fc
        .constantFrom(...names)
        .chain((name) =>
          flipped(request.headers[name] ?? "").map((value) => header(request, name, value)),
        ),
    ),
    one(
      "header",
      fc.constantFrom(...names).map((name) => header(request, name, undefined)),
    ),
    one(
      "date",
      fc
        .integer({ min: 1, max: 10_000_000 })
        .map((seconds) => header(request, "x-jdcloud-date", stamp(NOW + seconds * 1000))),
    ),
    one(
      "date",
      fc
        .integer({ min: 1, max: 10_000_000 })
        .map((seconds) => header(request, "x-jdcloud-date", stamp(NOW - seconds * 1000))),
    ),
    one(
      "nonce",
      fc.uuid().map((nonce) => header(request, "x-jdcloud-nonce", nonce)),
    ),
  ];
}

/** Changes of what the authorization says of itself. */
function authorizationMutations(request: SignedRequest): fc.Arbitrary<Mutation>[] {
  const authorization = request.headers.authorization ?? "";
  return [
    one(
      "scope",
      fc
        .constantFrom("iam", "kms", "wa", "waff")
        .map((service) =>
          header(request, "authorization", authorization.replace("/waf/", `/${service}/`)),
        ),
    ),
    one(
      "scope",
      fc
        .constantFrom("cn-north-1", "x")
        .map((region) =>
          header(request, "authorization", authorization.replace("/jdcloud/", `/${region}/`)),
        ),
    ),
    one(
      "scope",
      fc
        .integer({ min: 1, max: 3000 })
        .map((days) =>
          header(
            request,
            "authorization",
            authorization.replace("20261124", stamp(NOW - days * 86_400_000).slice(0, 8)),
          ),
        ),
    ),
    one(
      "signed headers",
      fc
        .constantFrom(
          "host;x-jdcloud-date;x-jdcloud-nonce",
          "content-type;host;x-jdcloud-date;x-jdcloud-nonce",
          "host;accept;content-type;x-jdcloud-date;x-jdcloud-nonce",
        )
        .map((list) =>
          header(
            request,
            "authorization",
            authorization.replace(/SignedHeaders=[^,]+/, `SignedHeaders=${list}`),
          ),
        ),
    ),
    one(
      "authorization",
      flipped(authorization)
        .filter((text) => text.replace(/, (?=S)/g, ",") !== authorization.replace(/, (?=S)/g, ","))
        .map((text) => header(request, "authorization", text)),
    ),
  ];
}

/** A request that differs from the signed one in something that a signature must bind. */
function mutated(request: SignedRequest): fc.Arbitrary<Mutation> {
  const body = request.body.toString("latin1");
  return fc.oneof(
    ...headerMutations(request),
    ...authorizationMutations(request),
    one(
      "body",
      flipped(body).map((text) => ({ ...request, body: Buffer.from(text, "latin1") })),
    ),
    one(
      "body",
      other(body).map((text) => ({ ...request, body: Buffer.from(text) })),
    ),
    one(
      "method",
      fc
        .constantFrom("GET", "PUT", "DELETE", "PATCH", "post")
        .map((method) => ({ ...request, method })),
    ),
    one(
      "path",
      flipped(request.path).map((path) => ({ ...request, path })),
    ),
    one(
      "path",
      fc
        .constantFrom("/", "/v1/waf/sites/site-0123456789:run", `${request.path}/`)
        .map((path) => ({ ...request, path })),
    ),
    one(
      "query",
      flipped(request.query).map((query) => ({ ...request, query })),
    ),
    one(
      "query",
      fc
        .constantFrom(
          "",
          `${request.query}&a=b`,
          `${request.query}&pageNumber=1`,
          request.query.replace("1&", "2&"),
          "filters.1.name=block%20x&filters.1.values.1=mode&pageNumber=1",
        )
        .map((query) => ({ ...request, query })),
    ),
  );
}

/** True when a change of spaces alone: header values are trimmed before they are signed. */
function meansTheSame(left: SignedRequest, right: SignedRequest): boolean {
  const plain = (one: SignedRequest) =>
    JSON.stringify([
      one.method,
      one.path,
      canonicalQuery(one.query) ?? one.query,
      one.body.toString("hex"),
      Object.entries(one.headers).map(([name, value]) => [
        name,
        value?.replace(/\s+/g, " ").trim(),
      ]),
    ]);
  return plain(left) === plain(right);
}

test(`none of ${MUTATIONS} requests that were changed after signing is accepted`, {
  timeout: 120_000,
}, () => {
  const seen = new Map<string, number>();
  let tried = 0;
  for (const form of ["canonical", "raw"] as const) {
    const request = signed(form);
    fc.assert(
      fc.property(mutated(request), ({ kind, request: changed }) => {
        fc.pre(!meansTheSame(request, changed));
        const found = fault(changed);
        // The key's id is looked up before; a changed one finds another key or none.
        const key = parseAuthorization(changed.headers.authorization ?? "")?.accessKeyId;
        if (key !== undefined && key !== KEY) return;
        expect(found, kind).toBeDefined();
        tried += 1;
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
      }),
      { numRuns: MUTATIONS / 2 + 600 },
    );
  }
  process.stdout.write(`${tried} mutations: ${JSON.stringify(Object.fromEntries(seen))}\n`);
  expect(tried).toBeGreaterThanOrEqual(10_000);
  expect(seen.size).toBe(10);
});

test("parameters in another order are the same request, so they cannot be sent a second time", () => {
  const request = signed();
  const reordered = { ...request, query: request.query.split("&").reverse().join("&") };
  const nonces = createNonceMemory();
  expect(fault(request, nonces)).toBeUndefined();
  expect(fault(reordered, nonces)).toBe("replay");
});
