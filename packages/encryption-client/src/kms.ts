/** What this library needs of a key service, and Cordon's own over HTTPS. */
import { Agent, request } from "node:https";
import type { EncryptionContext } from "./canonical.ts";
import { KmsError } from "./errors.ts";
import { type AccessKey, signedHeaders } from "./signature.ts";

export type DataKey = {
  /** 32 bytes in clear; whoever takes it overwrites it. */
  readonly plaintext: Buffer;
  readonly encryptedDataKey: Buffer;
};

export type Kms = {
  /** A new data key of 32 bytes, bound to the context. */
  generateDataKey(keyId: string, context: EncryptionContext): Promise<DataKey>;
  /** The data key in clear. @throws KmsError when key, context or bytes do not fit. */
  decrypt(keyId: string, encryptedDataKey: Buffer, context: EncryptionContext): Promise<Buffer>;
  /** The data key under the current version of a key; it is never in clear outside the service. */
  reEncrypt(wanted: {
    readonly keyId: string;
    readonly encryptedDataKey: Buffer;
    readonly context: EncryptionContext;
    readonly destinationKeyId: string;
  }): Promise<Buffer>;
};

export type Credential =
  | { readonly bearerKey: string }
  /** Signs each request; the secret never leaves this process. */
  | { readonly accessKey: AccessKey };

export type KmsOptions = {
  /** Address of the API, such as `https://cordon.example:9443`. */
  readonly url: string;
  readonly credential: Credential;
  /** PEM of the authority that signed the API's certificate; the system's when absent. */
  readonly ca?: string | Buffer | undefined;
  /** Name in the certificate, where the address is another. */
  readonly serverName?: string | undefined;
  readonly timeoutMs?: number | undefined;
};

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 65_536;
const CONNECTIONS_MAX = 16;
const DATA_KEY_BYTES = 32;

/** Cordon's key service. @throws TypeError when the address is not one of HTTPS. */
export function httpKms(options: KmsOptions): Kms & { close(): void } {
  const url = new URL(options.url);
  if (url.protocol !== "https:") throw new TypeError(`"${options.url}" is no https: address`);
  const { ca, serverName } = options;
  const agent = new Agent({
    keepAlive: true,
    maxSockets: CONNECTIONS_MAX,
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  });
  const post = (keyId: string, verb: string, body: object) =>
    send({ url, agent, options }, `/v1/kms/keys/${encodeURIComponent(keyId)}:${verb}`, body);
  return {
    close: () => agent.destroy(),
    async generateDataKey(keyId, encryptionContext) {
      const body = { bytes: DATA_KEY_BYTES, encryptionContext };
      const result = await post(keyId, "generateDataKey", body);
      const plaintext = bytesIn(result, "plaintext");
      return { plaintext, encryptedDataKey: bytesIn(result, "ciphertext") };
    },
    async decrypt(keyId, encryptedDataKey, encryptionContext) {
      const ciphertext = encryptedDataKey.toString("base64");
      return bytesIn(await post(keyId, "decrypt", { ciphertext, encryptionContext }), "plaintext");
    },
    async reEncrypt({ keyId, encryptedDataKey, context, destinationKeyId }) {
      const result = await post(keyId, "reEncrypt", {
        ciphertext: encryptedDataKey.toString("base64"),
        encryptionContext: context,
        destinationKeyId,
        destinationEncryptionContext: context,
      });
      return bytesIn(result, "ciphertext");
    },
  };
}

type Sending = { readonly url: URL; readonly agent: Agent; readonly options: KmsOptions };

function send({ url, agent, options }: Sending, path: string, body: object): Promise<unknown> {
  const payload = Buffer.from(JSON.stringify(body), "utf8");
  const { credential } = options;
  const headers =
    "bearerKey" in credential
      ? { "content-type": "application/json", authorization: `Bearer ${credential.bearerKey}` }
      : signedHeaders(credential.accessKey, { host: url.host, path, payload });
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown) => {
      const message = `The key service at ${url.origin} gave no usable answer`;
      reject(new KmsError("unreachable", message, { cause, fix: "Try again; check the address" }));
    };
    const timeout = options.timeoutMs ?? TIMEOUT_MS;
    const outgoing = request(
      { host: url.hostname, port: url.port, path, method: "POST", agent, headers, timeout },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_MAX) outgoing.destroy(new Error("the answer is too long"));
          else chunks.push(chunk);
        });
        response.on("error", failed);
        response.on("end", () => {
          try {
            resolve(resultOf(Buffer.concat(chunks).toString("utf8")));
          } catch (error) {
            if (error instanceof KmsError) reject(error);
            else failed(error);
          }
        });
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
    outgoing.on("error", failed);
    outgoing.end(payload);
  });
}

/** The result of an answer. @throws KmsError in the service's own words. */
function resultOf(text: string): unknown {
  const answer: unknown = JSON.parse(text);
  if (typeof answer !== "object" || answer === null) throw new Error("the answer is no object");
  if ("error" in answer && typeof answer.error === "object" && answer.error !== null) {
    const told = new Map<string, unknown>(Object.entries(answer.error));
    const word = (name: string) => String(told.get(name) ?? "");
    throw new KmsError(word("reason"), word("message"), { fix: word("fix") });
  }
  return "result" in answer ? answer.result : undefined;
}

function bytesIn(result: unknown, name: string): Buffer {
  const value =
    typeof result === "object" && result !== null
      ? new Map<string, unknown>(Object.entries(result)).get(name)
      : undefined;
  if (typeof value === "string" && value !== "") return Buffer.from(value, "base64");
  const message = `The key service's answer has no ${name}`;
  throw new KmsError("unreachable", message, { fix: "Check that the address is a Cordon's" });
}
