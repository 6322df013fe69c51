/** Idempotency keys: the answer of a request that is sent again is the first one's. */
import { createHash } from "node:crypto";
import { type Context, timeText } from "../context.ts";
import { Problem } from "../problem.ts";
import type { Call } from "./call.ts";

type Idempotent = {
  readonly answer?: unknown;
  save(result: unknown): Promise<void>;
};

const IDEMPOTENCY_KEY = /^[A-Za-z0-9_-]{1,128}$/;

/** Repeats the first answer when the same caller sends the same request with the same key. */
export async function beginIdempotent(
  call: Call,
  input: Readonly<Record<string, unknown>>,
  { sql, caller, nowMs }: Context,
): Promise<Idempotent | undefined> {
  const key = call.headers["idempotency-key"];
  const { operation } = call.route;
  if (key === undefined || operation.method === "GET" || caller.accountId === "") return undefined;
  if (!IDEMPOTENCY_KEY.test(key)) {
    const message = "must be 1 to 128 letters, digits, _ or -";
    throw new Problem("kernel.inputInvalid", { details: [{ path: "Idempotency-Key", message }] });
  }
  const requestHash = createHash("sha256")
    .update(JSON.stringify([operation.name, input]))
    .digest();
  const principalId = caller.principalId;
  const inserted = await sql`
    insert into idempotency_key (account_id, principal_id, key, request_hash, answer, create_time)
    values (${caller.accountId}, ${principalId}, ${key}, ${requestHash}, '{}', ${timeText(nowMs)})
    on conflict do nothing returning key`;
  if (inserted.length === 0) {
    const [known] = await sql<{ requestHash: Buffer; answer: unknown }>`
      select request_hash, answer from idempotency_key
      where account_id = ${caller.accountId} and principal_id = ${principalId} and key = ${key}`;
    if (known === undefined || !known.requestHash.equals(requestHash)) {
      throw new Problem("kernel.idempotencyKeyReused");
    }
    return { answer: known.answer, save: async () => {} };
  }
  return {
    async save(result) {
      const answer = withoutSecrets(operation.secretOutput ?? [], result);
      await sql`update idempotency_key set answer = ${answer}
        where account_id = ${caller.accountId} and principal_id = ${principalId} and key = ${key}`;
    },
  };
}

/** A secret is shown once: the repeated answer has an empty text in its place. */
function withoutSecrets(names: readonly string[], result: unknown): Record<string, unknown> {
  const copy: Record<string, unknown> = { ...(result as object) };
  for (const name of names) if (copy[name] !== undefined) copy[name] = "";
  return copy;
}
