/**
 * A data plane's side of the fleet: joins once with a ticket, then follows its desired state over
 * mutual TLS and reports what it runs. While the control plane is away it waits and tries again;
 * what the data plane enforces does not depend on it.
 */
import { mkdir, readFile, rm } from "node:fs/promises";
import https from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Static, TSchema } from "typebox";
import Value from "typebox/value";
import { createCertificateRequest } from "../pki/authority.ts";
import { isOver, isRenewalDue, keepIdentity, readIdentity } from "./identity-file.ts";
import {
  JoinAnswer,
  JoinTicket,
  joinTicketFile,
  LONG_POLL_MS,
  type NodeIdentity,
  RenewAnswer,
} from "./protocol.ts";
import { type FleetCall, followRates, tellRates } from "./rate-client.ts";
import type { RateNews, RateReport } from "./rate-protocol.ts";

const RETRY_MS = 300;
const RENEWAL_LOOK_EVERY_MS = 3_600_000;
const ANSWER_BYTES_MAX = 256 * 1_048_576;

export type IntentClient = {
  readonly nodeId: string;
  /**
   * Every newer intent, forever, until the signal ends it. @throws Error when this node's
   * certificate has ended: it must be opened again, with a new ticket.
   */
  intents(
    after: number,
    signal: AbortSignal,
  ): AsyncIterable<{ version: number; document: unknown }>;
  /** Bytes that an intent names; undefined when there are none. @throws Error when not now. */
  content(sha256: string): Promise<Buffer | undefined>;
  /** What other gateways' counts mean for this one, as it comes, until the signal ends it. */
  rateNews(signal: AbortSignal): AsyncIterable<RateNews>;
  /** Tells what was counted, once; resolves false when it is not known to have been taken. */
  tellRates(report: RateReport): Promise<boolean>;
  /** Reports what runs; resolves false when the control plane could not be told now. */
  report(status: Readonly<Record<string, unknown>>): Promise<boolean>;
};

/**
 * Opens the client; joins first when this node has no identity yet, waiting for its ticket.
 *
 * @param folder the data plane's own folder, which holds its identity or ticket.
 */
export async function openIntentClient(
  folder: string,
  signal: AbortSignal,
  options: { renewalLookEveryMs?: number } = {},
): Promise<IntentClient> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const identity = readIdentity(folder, Date.now()) ?? (await enroll(folder, signal));
  const target: Target = { url: identity.url, agent: agentOf(identity), identity };
  const renewing = keepRenewed(
    { folder, target },
    { signal, lookEveryMs: options.renewalLookEveryMs ?? RENEWAL_LOOK_EVERY_MS },
  );
  // It ends with the signal and tells of each failure itself.
  void renewing;
  const fleet: FleetCall = {
    ask: (path, given) => request(target.agent, { url: `${target.url}${path}`, ...given }),
    isOver: () => isOver(target.identity, Date.now()),
  };
  return {
    nodeId: identity.nodeId,
    intents: (after, ended) => followIntents(target, after, ended),
    rateNews: (ended) => followRates(fleet, ended),
    tellRates: (report) => tellRates(fleet, report),
    async content(sha256) {
      const url = `${target.url}/fleet/v1/content/${sha256}`;
      const answer = await request(target.agent, { url });
      if (answer.code === 404) return undefined;
      if (answer.code !== 200) throw new Error(`the control plane answered ${answer.code}`);
      return answer.bytes;
    },
    async report(status) {
      try {
        const answer = await request(target.agent, {
          url: `${target.url}/fleet/v1/status`,
          body: status,
        });
        return answer.code === 200;
      } catch {
        return false;
      }
    },
  };
}

/** Where requests go, and as whom; the agent changes when the certificate does. */
type Target = { readonly url: string; agent: https.Agent; identity: NodeIdentity };

function agentOf(identity: NodeIdentity): https.Agent {
  return new https.Agent({
    keepAlive: true,
    // Two requests are held open: one for the intent, one for news of rate limits.
    maxSockets: 6,
    ca: identity.authorityPem,
    cert: identity.certificatePem,
    key: identity.privateKeyPem,
  });
}

/** Renews the certificate when it is due, until the signal ends it. Never rejects. */
async function keepRenewed(
  node: { folder: string; target: Target },
  { signal, lookEveryMs }: { signal: AbortSignal; lookEveryMs: number },
): Promise<void> {
  let { identity } = node.target;
  let said = "";
  while (!signal.aborted && !isOver(identity, Date.now())) {
    if (isRenewalDue(identity, Date.now())) {
      try {
        const renewed = await renew(node.target, identity);
        // Kept first: a certificate that was used is the only one that counts from then on.
        await keepIdentity(node.folder, renewed);
        identity = renewed;
        // Requests under way keep the old agent's connections, which close when they are idle.
        node.target.agent = agentOf(identity);
        node.target.identity = identity;
        said = "";
      } catch (error) {
        if (String(error) !== said) {
          process.stderr.write(`fleet: cannot renew the node's certificate yet: ${error}\n`);
        }
        said = String(error);
      }
    }
    await sleep(lookEveryMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

async function renew(target: Target, identity: NodeIdentity): Promise<NodeIdentity> {
  const { requestPem, privateKeyPem } = await createCertificateRequest(identity.nodeId);
  const url = `${target.url}/fleet/v1/renew`;
  const answer = await request(target.agent, { url, body: { requestPem } });
  const renewed = answer.code === 200 ? parsed(RenewAnswer, answer.text) : undefined;
  if (renewed === undefined) throw new Error(`the control plane answered ${answer.code}`);
  return { ...identity, ...renewed, privateKeyPem };
}

async function* followIntents(target: Target, after: number, signal: AbortSignal) {
  let version = after;
  while (!signal.aborted) {
    if (isOver(target.identity, Date.now())) throw new Error("The node's certificate has ended");
    try {
      const url = `${target.url}/fleet/v1/intent?after=${version}`;
      const answer = await request(target.agent, { url, signal });
      if (answer.code === 200) {
        const intent = JSON.parse(answer.text) as { version: number; document: unknown };
        version = intent.version;
        yield intent;
      } else if (answer.code !== 204) {
        await sleep(RETRY_MS);
      }
    } catch {
      await sleep(RETRY_MS);
    }
  }
}

async function enroll(folder: string, signal: AbortSignal): Promise<NodeIdentity> {
  const agentFor = (ca: string) => new https.Agent({ ca, maxSockets: 1 });
  while (!signal.aborted) {
    const ticket = await readJson(join(folder, joinTicketFile), JoinTicket);
    const identity =
      ticket === undefined ? undefined : await tryJoin(agentFor(ticket.authorityPem), ticket);
    if (identity !== undefined) {
      await keepIdentity(folder, identity);
      await rm(join(folder, joinTicketFile), { force: true });
      return identity;
    }
    await sleep(RETRY_MS);
  }
  throw new Error("Stopped while waiting to join the fleet");
}

async function tryJoin(agent: https.Agent, ticket: JoinTicket): Promise<NodeIdentity | undefined> {
  const { requestPem, privateKeyPem } = await createCertificateRequest("cordon node");
  try {
    const answer = await request(agent, {
      url: `${ticket.url}/fleet/v1/join`,
      body: { token: ticket.token, requestPem },
    });
    if (answer.code !== 200) return undefined;
    const joined = parsed(JoinAnswer, answer.text);
    if (joined === undefined) return undefined;
    return { ...joined, url: ticket.url, authorityPem: ticket.authorityPem, privateKeyPem };
  } catch {
    // The control plane is not up yet: the caller tries again.
    return undefined;
  }
}

function request(
  agent: https.Agent,
  { url, body, signal }: { url: string; body?: unknown; signal?: AbortSignal },
): Promise<{ code: number; text: string; bytes: Buffer }> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const options: https.RequestOptions = {
      agent,
      method: payload === undefined ? "GET" : "POST",
      timeout: LONG_POLL_MS * 2,
      headers: payload === undefined ? {} : { "content-type": "application/json" },
      ...(signal === undefined ? {} : { signal }),
    };
    const outgoing = https.request(url, options, (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) outgoing.destroy(new Error("The answer is too large"));
        else chunks.push(chunk);
      });
      answer.on("end", () => {
        const whole = Buffer.concat(chunks);
        resolve({ code: answer.statusCode ?? 0, text: whole.toString("utf8"), bytes: whole });
      });
      answer.on("error", reject);
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("The control plane did not answer")));
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}

async function readJson<Schema extends TSchema>(file: string, schema: Schema) {
  try {
    return parsed(schema, await readFile(file, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function parsed<Schema extends TSchema>(schema: Schema, text: string): Static<Schema> | undefined {
  const value: unknown = JSON.parse(text);
  return Value.Check(schema, value) ? value : undefined;
}
