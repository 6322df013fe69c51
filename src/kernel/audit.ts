/** The entry that every call leaves behind: who, from where, what, and how it was decided. */
import type { Operation } from "./operation.ts";

export type AuditRecord = {
  readonly time: string;
  readonly requestId: string;
  readonly accountId: string;
  readonly operation: string;
  readonly action: string;
  readonly resource: string;
  readonly principalType: string;
  readonly principalId: string;
  readonly principalName: string;
  readonly sourceIp: string;
  readonly decision: "allow" | "deny" | "none";
  readonly determiningPolicyIds: readonly string[];
  /** Which layer of policies decided. */
  readonly decidedBy?: string;
  /** Seconds since the caller's second factor, when there was one. */
  readonly mfaAgeSeconds?: number;
  /** Of an assumed role: the principal that assumed it. */
  readonly assumedBy?: string;
  /** HTTP status code of the answer. */
  readonly code: number;
  readonly reason: string | null;
  readonly input: unknown;
  /**
   * PostgreSQL's id of the transaction that this call changed state in. The entry is written
   * before the commit; after a crash between the two this id tells whether the change came to be.
   */
  readonly transactionId: string | null;
};

/** Where records go; resolves when the record is durable. */
export type AuditSink = { append(record: AuditRecord): Promise<void> };

const INPUT_BYTES_MAX = 8_192;
const MASK = "(secret)";

/** The input as it may be recorded: secrets masked, size bounded. */
export function recordableInput(operation: Operation, input: Readonly<Record<string, unknown>>) {
  const masked: Record<string, unknown> = { ...input };
  for (const name of operation.secretInput ?? []) {
    if (masked[name] !== undefined) masked[name] = MASK;
  }
  const bytes = Buffer.byteLength(JSON.stringify(masked));
  return bytes <= INPUT_BYTES_MAX ? masked : { truncated: true, bytes };
}
