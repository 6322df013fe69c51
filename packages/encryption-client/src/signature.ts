/** The headers of a request that is signed with an access key (JDCLOUD2-HMAC-SHA256). */
import { createHash, createHmac, randomUUID } from "node:crypto";

export type AccessKey = {
  readonly accessKeyId: string;
  readonly secret: string;
  /** Of a role that was taken on for a while. */
  readonly sessionToken?: string | undefined;
};

const SCHEME = "JDCLOUD2-HMAC-SHA256";
/** Part of what is signed; the server takes any region. */
const REGION = "jdcloud";
const SERVICE = "kms";

type Signing = {
  readonly host: string;
  readonly path: string;
  readonly payload: Buffer;
  readonly nowMs?: number;
};

/** Headers of a POST without a query. */
export function signedHeaders(
  { accessKeyId, secret, sessionToken }: AccessKey,
  { host, path, payload, nowMs = Date.now() }: Signing,
): Record<string, string> {
  const date = new Date(nowMs).toISOString().replace(/[:-]|\.\d{3}/g, "");
  const headers: Record<string, string> = {
    "content-type": "application/json",
    host,
    "x-jdcloud-date": date,
    "x-jdcloud-nonce": randomUUID(),
    ...(sessionToken === undefined ? {} : { "x-jdcloud-security-token": sessionToken }),
  };
  const names = Object.keys(headers).toSorted();
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join("");
  const canonical = ["POST", path, "", lines, names.join(";"), sha256(payload)].join("\n");
  const day = date.slice(0, 8);
  const scope = `${day}/${REGION}/${SERVICE}/jdcloud2_request`;
  let key = hmac(Buffer.from(`JDCLOUD2${secret}`, "utf8"), day);
  for (const part of [REGION, SERVICE, "jdcloud2_request"]) key = hmac(key, part);
  const signature = hmac(key, [SCHEME, date, scope, sha256(canonical)].join("\n")).toString("hex");
  const authorization =
    `${SCHEME} Credential=${accessKeyId}/${scope}, ` +
    `SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return { ...headers, authorization };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}

function sha256(data: Buffer | string): string {
  return createHash("sha256").update(data).digest("hex");
}
