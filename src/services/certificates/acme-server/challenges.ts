/** Authorizations and their challenges (RFC 8555 §7.5, §8): shown, answered, validated. */
import {
  CHALLENGE_PATH,
  dnsName,
  dnsValue,
  keyAuthorization,
} from "../../../engines/acme/challenge.ts";
import { timeText } from "../../../kernel/context.ts";
import { OutboundError } from "../../../kernel/outbound.ts";
import { type AcmeCall, type AcmeServerParts, accountOf, notFound } from "./call.ts";
import { type AcmeAnswer, AcmeProblem, acmeLimits, problemDocument } from "./protocol.ts";
import { type AuthorizationRow, acmeStore } from "./store.ts";

const HTTP = "http-01";
const DNS = "dns-01";
const PROOF_BYTES_MAX = 4_096;

const typesOf = ({ wildcard }: AuthorizationRow) => (wildcard ? [DNS] : [HTTP, DNS]);

function challengeObject(call: AcmeCall, row: AuthorizationRow, type: string) {
  const isChosen = row.challengeType === type;
  const status = isChosen && row.status !== "deactivated" ? row.status : "pending";
  return {
    type,
    url: call.urls.challenge(row.acmeAuthorizationId, type),
    token: row.token,
    status,
    ...(isChosen && row.validateTime !== null ? { validated: row.validateTime } : {}),
    ...(isChosen && row.error !== null ? { error: row.error } : {}),
  };
}

async function load(call: AcmeCall, id: string): Promise<AuthorizationRow> {
  const row = await call.store.authorization(id, accountOf(call).acmeAccountId);
  if (row === undefined) throw notFound();
  return row;
}

/** RFC 8555 §7.5, with deactivation of §7.5.2. */
export async function authorization(call: AcmeCall, id: string): Promise<AcmeAnswer> {
  let row = await load(call, id);
  if (call.signed.payload.status === "deactivated") {
    row = { ...row, status: "deactivated" };
    await call.store.setAuthorization(id, row);
  }
  const isOver = call.nowMs >= Date.parse(row.expireTime);
  const status = row.status === "processing" ? "pending" : row.status;
  const types = row.status === "valid" && row.challengeType ? [row.challengeType] : typesOf(row);
  return {
    status: 200,
    retryAfterSeconds: 1,
    json: {
      status: isOver && status === "valid" ? "expired" : status,
      expires: row.expireTime,
      identifier: { type: "dns", value: row.name },
      ...(row.wildcard ? { wildcard: true } : {}),
      challenges: types.map((type) => challengeObject(call, row, type)),
    },
  };
}

/** Authorizations that are validated now, in this process. */
const underWay = new Set<string>();

/** RFC 8555 §7.5.1: an answer to a challenge starts its validation once. */
export async function challenge(call: AcmeCall, id: string, type: string): Promise<AcmeAnswer> {
  let row = await load(call, id);
  if (!typesOf(row).includes(type)) throw notFound();
  // A validation that a crash cut off is started again by the client's next answer.
  const isOpen = row.status === "pending" || (row.status === "processing" && !underWay.has(id));
  const starts = isOpen && !call.signed.isPostAsGet;
  if (starts) {
    if (underWay.size >= acmeLimits.validationsAtOnceMax) {
      throw new AcmeProblem("rateLimited", "Too many validations at once", { status: 429 });
    }
    row = { ...row, status: "processing", challengeType: type };
    await call.store.setAuthorization(id, row);
    const proof = keyAuthorization(row.token, call.signed.thumbprint);
    const { parts, policy } = call;
    call.afterCommit(() => {
      void validate(parts, { row, type, proof, accountId: policy.accountId }).catch((error) =>
        parts.log({ level: "error", part: "acme", error: String(error) }),
      );
    });
  }
  const links = [`<${call.urls.authorization(id)}>;rel="up"`];
  return { status: 200, json: challengeObject(call, row, type), links, retryAfterSeconds: 1 };
}

type Validation = {
  readonly row: AuthorizationRow;
  readonly type: string;
  readonly proof: string;
  readonly accountId: string;
};

/** Looks for the proof, some times over, and writes down how it ended. */
async function validate(parts: AcmeServerParts, validation: Validation): Promise<void> {
  const { row, type, accountId } = validation;
  underWay.add(row.acmeAuthorizationId);
  try {
    const problem = await tryValidation(parts, validation);
    const change = {
      status: problem === undefined ? ("valid" as const) : ("invalid" as const),
      challengeType: type,
      error: problem === undefined ? null : problemDocument(problem),
      validateTime: timeText(parts.clock()),
    };
    await parts.database.transaction({ accountId }, (sql) =>
      acmeStore(sql, accountId, "").setAuthorization(row.acmeAuthorizationId, change),
    );
  } finally {
    underWay.delete(row.acmeAuthorizationId);
  }
}

async function tryValidation(
  parts: AcmeServerParts,
  validation: Validation,
): Promise<AcmeProblem | undefined> {
  let problem: AcmeProblem | undefined;
  for (let turn = 1; turn <= acmeLimits.validationTries; turn += 1) {
    problem = await (validation.type === HTTP ? lookByHttp : lookByDns)(parts, validation).catch(
      (error: unknown) => {
        const why = error instanceof OutboundError ? error.message : "the connection failed";
        return new AcmeProblem(validation.type === HTTP ? "connection" : "dns", why);
      },
    );
    if (problem === undefined) return undefined;
    await new Promise((resolve) => setTimeout(resolve, acmeLimits.validationRetryMs));
  }
  return problem;
}

/** RFC 8555 §8.3; port 80 unless a test says otherwise, and no redirect is followed. */
async function lookByHttp(
  { outbound, validationPort }: AcmeServerParts,
  { row, proof }: Validation,
): Promise<AcmeProblem | undefined> {
  const port = validationPort === 80 ? "" : `:${validationPort}`;
  const url = `http://${row.name}${port}${CHALLENGE_PATH}${row.token}`;
  const answer = await outbound.request({ url, bytesMax: PROOF_BYTES_MAX });
  if (answer.status !== 200) {
    return new AcmeProblem("unauthorized", `${url} answered ${answer.status}, not 200`);
  }
  if (answer.body.toString("latin1").trim() === proof) return undefined;
  return new AcmeProblem("incorrectResponse", `${url} has another text than the proof`);
}

/** RFC 8555 §8.4. */
async function lookByDns(
  { outbound }: AcmeServerParts,
  { row, proof }: Validation,
): Promise<AcmeProblem | undefined> {
  const name = dnsName(row.name);
  const texts = await outbound.txt(name);
  if (texts.includes(dnsValue(proof))) return undefined;
  const seen = texts.length === 0 ? "no TXT record" : `${texts.length} TXT records, none right`;
  return new AcmeProblem("unauthorized", `${name} has ${seen}`);
}
