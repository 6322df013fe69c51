/** The entry that every call leaves behind: who, from where, what, and how it was decided. */
import { hash } from "node:crypto";
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
  /** Tags of the resource that policies asked for, as they were; absent when none asked. */
  readonly resourceTags?: Readonly<Record<string, string>>;
  /** Further decisions that the operation asked for, such as to show more to those who may. */
  readonly also?: readonly {
    readonly action: string;
    readonly resource: string;
    readonly decision: "allow" | "deny";
  }[];
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

/** SHA-256 of a text, or of the JSON of a value whose names are sorted. */
export function hashOf(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(sorted(value));
  return hash("sha256", text, "hex");
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** The input as it may be recorded: secrets masked, size bounded. */
export function recordableInput(operation: Operation, input: Readonly<Record<string, unknown>>) {
  const masked: Record<string, unknown> = { ...input };
  for (const name of operation.secretInput ?? []) {
    if (masked[name] !== undefined) masked[name] = MASK;
  }
  for (const name of operation.hashedInput ?? []) {
    if (masked[name] !== undefined) masked[name] = `sha256:${hashOf(masked[name])}`;
  }
  const bytes = Buffer.byteLength(JSON.stringify(masked));
  return bytes <= INPUT_BYTES_MAX ? masked : { truncated: true, bytes };
}
