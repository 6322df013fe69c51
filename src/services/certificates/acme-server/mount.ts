/** The ACME server (RFC 8555) as a mount: one directory for each issuance policy. */
import type { Mount, MountAnswer, MountRequest } from "../../../kernel/http/mount.ts";
import { Problem } from "../../../kernel/problem.ts";
import { authoritySystemStore, type IssuancePolicyRow } from "../authority-store.ts";
import { account, accountOrders, keyChange, newAccount } from "./accounts.ts";
import type { AcmeCall, AcmeServerParts } from "./call.ts";
import { authorization, challenge } from "./challenges.ts";
import { createNonces, type Nonces } from "./nonces.ts";
import { certificate, finalize, newOrder, order } from "./orders.ts";
import {
  type AcmeAnswer,
  AcmeProblem,
  type AcmeUrls,
  encodeAnswer,
  problemDocument,
  urlsOf,
} from "./protocol.ts";
import { type KeyKind, readSigned } from "./request.ts";
import { renewalInfo, revokeCertificate } from "./revocation.ts";
import { acmeStore } from "./store.ts";

type Handler = (call: AcmeCall, ...ids: string[]) => Promise<AcmeAnswer>;
type Route = readonly [path: RegExp, kind: KeyKind, handler: Handler];

const one =
  (handler: (call: AcmeCall, id: string) => Promise<AcmeAnswer>): Handler =>
  (call, id = "") =>
    handler(call, id);

/** Signed requests; what is not here is not served. */
const ROUTES: readonly Route[] = [
  [/^\/new-account$/, "jwk", newAccount],
  [/^\/account\/(acct-[0-9a-z]{10})$/, "kid", one(account)],
  [/^\/account\/(acct-[0-9a-z]{10})\/orders$/, "kid", one(accountOrders)],
  [/^\/key-change$/, "kid", keyChange],
  [/^\/new-order$/, "kid", newOrder],
  [/^\/order\/(aord-[0-9a-z]{10})$/, "kid", one(order)],
  [/^\/order\/(aord-[0-9a-z]{10})\/finalize$/, "kid", one(finalize)],
  [/^\/authorization\/(authz-[0-9a-z]{10})$/, "kid", one(authorization)],
  [
    /^\/challenge\/(authz-[0-9a-z]{10})\/(http-01|dns-01)$/,
    "kid",
    (call, id = "", type = "") => challenge(call, id, type),
  ],
  [/^\/certificate\/([0-9a-f]{1,40})$/, "kid", one(certificate)],
  [/^\/revoke-cert$/, "either", revokeCertificate],
];

/** Paths `/acme/{issuancePolicyId}/…`. */
export function acmeMount(parts: AcmeServerParts): Mount {
  const nonces = createNonces(parts.clock);
  return {
    prefix: "/acme",
    async answer(request) {
      const [, policyId = "", path = ""] =
        /^\/(ipol-[0-9a-z]{10})(\/[A-Za-z0-9_./-]{1,300})$/.exec(request.path) ?? [];
      const urls = urlsOf(`https://${request.host}`, policyId);
      try {
        if (!parts.hosts.has(request.host)) {
          throw new AcmeProblem("malformed", "This host is not served here", { status: 421 });
        }
        const policy = await findPolicy(parts, policyId);
        const answer = await answerPath(parts, { policy, request, path, urls, nonces });
        const encoded = encodeAnswer(answer, urls.directory, nonces.give());
        return request.method === "HEAD" ? { ...encoded, body: "" } : encoded;
      } catch (error) {
        return answerFault(parts, { error, urls, nonces });
      }
    },
  };
}

async function findPolicy(parts: AcmeServerParts, policyId: string): Promise<IssuancePolicyRow> {
  const policy = await parts.database.transaction("system", (sql) =>
    authoritySystemStore(sql).findPolicy(policyId),
  );
  // A policy that is switched off looks like one that never was.
  if (policy?.enabled === true) return policy;
  throw new AcmeProblem("malformed", "There is no such directory", { status: 404 });
}

type Given = {
  readonly policy: IssuancePolicyRow;
  readonly request: MountRequest;
  readonly path: string;
  readonly urls: AcmeUrls;
  readonly nonces: Nonces;
};

async function answerPath(parts: AcmeServerParts, given: Given): Promise<AcmeAnswer> {
  const { request, path, urls, policy } = given;
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (isRead && path === "/directory") return { status: 200, json: directory(urls, policy) };
  if (isRead && path === "/new-nonce") return { status: request.method === "HEAD" ? 200 : 204 };
  const renewalId = /^\/renewal-info\/(.+)$/.exec(path)?.[1];
  if (isRead && renewalId !== undefined) {
    const { accountId, issuancePolicyId } = policy;
    return parts.database.transaction({ accountId }, (sql) =>
      renewalInfo(acmeStore(sql, accountId, issuancePolicyId), renewalId, parts.clock()),
    );
  }
  if (request.method === "POST") {
    for (const [pattern, kind, handler] of ROUTES) {
      const [whole, ...ids] = pattern.exec(path) ?? [];
      if (whole !== undefined) return answerSigned(parts, given, { kind, handler, ids });
    }
  }
  throw new AcmeProblem("malformed", "There is no such resource", { status: 404 });
}

function directory(urls: AcmeUrls, policy: IssuancePolicyRow) {
  const { newNonce, newAccount: account_, newOrder: order_, revokeCert, keyChange: change } = urls;
  return {
    newNonce,
    newAccount: account_,
    newOrder: order_,
    revokeCert,
    keyChange: change,
    renewalInfo: urls.renewalInfo,
    meta: { externalAccountRequired: policy.externalAccountRequired },
  };
}

async function answerSigned(
  parts: AcmeServerParts,
  { request, path, urls, policy, nonces }: Given,
  route: { kind: KeyKind; handler: Handler; ids: readonly string[] },
): Promise<AcmeAnswer> {
  const { accountId, issuancePolicyId } = policy;
  const committed: (() => void)[] = [];
  const answer = await parts.database.transaction({ accountId }, async (sql) => {
    const store = acmeStore(sql, accountId, issuancePolicyId);
    const url = `${urls.base}${path}`;
    const signed = await readSigned(request, { nonces, store, urls, url, kind: route.kind });
    const call: AcmeCall = {
      ...{ parts, policy, sql, store, urls, signed },
      nowMs: parts.clock(),
      sourceIp: request.sourceIp,
      afterCommit: (work) => committed.push(work),
    };
    return route.handler(call, ...route.ids);
  });
  for (const work of committed) work();
  parts.eventsWritten();
  return answer;
}

function answerFault(
  parts: AcmeServerParts,
  { error, urls, nonces }: { error: unknown; urls: AcmeUrls; nonces: Nonces },
): MountAnswer {
  const isKnown = error instanceof AcmeProblem;
  if (!isKnown) {
    const cause = error instanceof Problem ? (error.cause ?? error) : error;
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    parts.log({ level: "error", part: "acme", error: text });
  }
  const problem = isKnown
    ? error
    : new AcmeProblem("serverInternal", "The request failed inside Cordon", { status: 500 });
  return encodeAnswer(
    {
      status: problem.status,
      contentType: "application/problem+json",
      json: problemDocument(problem),
      ...(problem.status === 429 ? { retryAfterSeconds: 60 } : {}),
    },
    urls.directory,
    nonces.give(),
  );
}
