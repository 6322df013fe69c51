/** One conversation with an ACME provider: directory, nonces, account, signed requests. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import {
  jwkOfKey,
  parseObject,
  signExternalAccount,
  signJws,
  thumbprint,
} from "../../../engines/acme/jws.ts";
import type { Outbound, OutboundAnswer } from "../../../kernel/outbound.ts";
import type { Database } from "../../../kernel/store/database.ts";
import { type AcmeProviderRow, applyStore } from "../apply-store.ts";
import { type KeySealer, openSecret, purposes } from "../sealing.ts";

/** The provider refused, or cannot be reached; the message may be shown to the account. */
export class AcmeRefusal extends Error {
  override readonly name = "AcmeRefusal";
  /** Last part of the problem's type, such as `rateLimited`; empty when there was none. */
  readonly type: string;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, type = "", retryAfterMs?: number) {
    super(message);
    this.type = type;
    this.retryAfterMs = retryAfterMs;
  }
}

export type Answer = {
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly location: string;
  readonly retryAfterSeconds: number | undefined;
};

export type Session = {
  readonly directory: Readonly<Record<string, unknown>>;
  readonly thumbprint: string;
  /** Signed by the account; `payload` undefined is POST-as-GET. */
  post(url: string, payload: unknown): Promise<Answer>;
  get(url: string): Promise<Answer>;
};

export type SessionParts = {
  readonly database: Database;
  readonly sealer: KeySealer;
  readonly outbound: Outbound;
};

const NONCE_TRIES = 6;

/** Opens a session; registers the account at the first time, or when the provider forgot it. */
export async function openSession(
  parts: SessionParts,
  provider: AcmeProviderRow,
): Promise<Session> {
  const owner = { purpose: purposes.accountKey, accountId: provider.accountId };
  const pkcs8 = await openSecret(parts.sealer, owner, provider.accountKeySealed);
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  pkcs8.fill(0);
  const transport = createTransport(parts, provider, key);
  const directory = (await transport.get(provider.directoryUrl)).body;
  transport.setNonceUrl(textOf(directory.newNonce));
  let accountUrl =
    provider.accountUrl ?? (await register(parts, provider, { key, transport, directory }));
  const post = async (url: string, payload: unknown): Promise<Answer> => {
    try {
      return await transport.post(url, payload, accountUrl);
    } catch (error) {
      const isForgotten = error instanceof AcmeRefusal && error.type === "accountDoesNotExist";
      if (!isForgotten) throw error;
      accountUrl = await register(parts, provider, { key, transport, directory });
      return transport.post(url, payload, accountUrl);
    }
  };
  return { directory, thumbprint: thumbprint(jwkOfKey(key)), post, get: transport.get };
}

/** A provider's directory and renewal information need no account. */
export async function readPublic(
  { outbound }: Pick<SessionParts, "outbound">,
  provider: AcmeProviderRow,
  url: string,
): Promise<Answer> {
  return answerOf(await outbound.request({ url, trustPem: provider.trustPem }));
}

type Transport = ReturnType<typeof createTransport>;

function createTransport({ outbound }: SessionParts, provider: AcmeProviderRow, key: KeyObject) {
  const nonces: string[] = [];
  let nonceUrl = "";
  const send = async (request: Parameters<Outbound["request"]>[0]): Promise<OutboundAnswer> => {
    const answer = await outbound.request({ ...request, trustPem: provider.trustPem });
    const nonce = answer.headers["replay-nonce"];
    if (nonce !== undefined && nonces.length < 10) nonces.push(nonce);
    return answer;
  };
  const nextNonce = async (): Promise<string> => {
    if (nonces.length === 0) await send({ url: nonceUrl, method: "HEAD" });
    const nonce = nonces.pop();
    if (nonce === undefined) throw new AcmeRefusal("The provider gave no nonce");
    return nonce;
  };
  return {
    setNonceUrl: (url: string) => {
      nonceUrl = url;
    },
    get: async (url: string) => answerOf(await send({ url })),
    /** `kid` undefined sends the key itself, for the registration. */
    async post(url: string, payload: unknown, kid: string | undefined): Promise<Answer> {
      for (let turn = 1; ; turn += 1) {
        const nonce = await nextNonce();
        const header = { url, nonce, ...(kid === undefined ? {} : { kid }) };
        const headers = { "content-type": "application/jose+json" };
        const body = signJws(key, header, payload);
        try {
          return answerOf(await send({ url, method: "POST", headers, body }));
        } catch (error) {
          const isStale = error instanceof AcmeRefusal && error.type === "badNonce";
          if (!isStale || turn >= NONCE_TRIES) throw error;
        }
      }
    },
  };
}

async function register(
  parts: SessionParts,
  provider: AcmeProviderRow,
  given: { key: KeyObject; transport: Transport; directory: Session["directory"] },
): Promise<string> {
  const { accountId, externalMacSealed, externalKeyId } = provider;
  const url = textOf(given.directory.newAccount);
  const payload: Record<string, unknown> = {
    termsOfServiceAgreed: true,
    contact: provider.contacts.map((contact) => `mailto:${contact}`),
  };
  if (externalMacSealed !== null) {
    const owner = { purpose: purposes.externalMac, accountId };
    const mac = await openSecret(parts.sealer, owner, externalMacSealed);
    const jwk = jwkOfKey(given.key);
    payload.externalAccountBinding = signExternalAccount(mac, { kid: externalKeyId, url }, jwk);
    mac.fill(0);
  }
  const { location } = await given.transport.post(url, payload, undefined);
  if (location === "") throw new AcmeRefusal("The provider gave no URL for the account");
  await parts.database.transaction({ accountId }, (sql) =>
    applyStore(sql).setAccountUrl(accountId, provider.acmeProviderId, location),
  );
  return location;
}

function answerOf(answer: OutboundAnswer): Answer {
  const text = answer.body.toString("utf8");
  const retryAfterSeconds = retryAfter(answer.headers["retry-after"]);
  if (answer.status >= 400) {
    const problem = parseObject(text);
    const type = textOf(problem?.type).split(":").at(-1) ?? "";
    const detail = textOf(problem?.detail).slice(0, 500) || `status ${answer.status}`;
    const waitMs = retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000;
    throw new AcmeRefusal(type === "" ? detail : `${type}: ${detail}`, type, waitMs);
  }
  const location = answer.headers.location ?? "";
  return { body: parseObject(text) ?? {}, text, location, retryAfterSeconds };
}

function retryAfter(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,7}$/.test(text) ? Number(text) : undefined;
}

export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
