/** Calls the API with signed requests, as a client library would. */
import { randomUUID } from "node:crypto";
import type https from "node:https";
import { sign } from "../src/engines/signature/jdcloud2.ts";
import { canonicalQuery } from "../src/engines/signature/signed-request.ts";
import { type ApiReply, apiReply, rawApi } from "./stack.ts";

export type SigningKey = {
  readonly accessKeyId: string;
  readonly secret: string;
  readonly sessionToken?: string;
};

export type SignedCall = {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly service: string;
  readonly key: SigningKey;
  readonly nonce?: string;
  /** How the request travels. */
  readonly via?: { readonly agent: https.Agent; readonly localAddress: string };
};

/** One signed call of the API over TLS. */
export async function signedApi(port: number, call: SignedCall): Promise<ApiReply> {
  const [path = "", query = ""] = call.path.split("?");
  const date = new Date().toISOString().replace(/[:-]|\.\d{3}/g, "");
  const host = `127.0.0.1:${port}`;
  const token = call.key.sessionToken;
  const headers: Record<string, string> = {
    host,
    "content-type": "application/json",
    "x-jdcloud-date": date,
    "x-jdcloud-nonce": call.nonce ?? randomUUID(),
    ...(token === undefined ? {} : { "x-jdcloud-security-token": token }),
  };
  const signedHeaders = Object.keys(headers).sort();
  const scope = { date: date.slice(0, 8), region: "jdcloud", service: call.service };
  const { accessKeyId } = call.key;
  const body = Buffer.from(call.body === undefined ? "" : JSON.stringify(call.body));
  const request = { method: call.method, path, query: canonicalQuery(query) ?? "", headers, body };
  const signature = sign(request, { accessKeyId, scope, signedHeaders }, call.key.secret);
  const authorization =
    `JDCLOUD2-HMAC-SHA256 Credential=${accessKeyId}/${scope.date}/jdcloud/${call.service}` +
    `/jdcloud2_request, SignedHeaders=${signedHeaders.join(";")}, Signature=${signature}`;
  const reply = await rawApi(port, {
    method: call.method,
    path: call.path,
    ...call.via,
    ...(call.body === undefined ? {} : { body: call.body }),
    headers: { ...headers, authorization },
  });
  return apiReply(reply);
}
