/** Rules of reading the record. */
import type { AuditEntry } from "./contract.ts";

type Stored = {
  readonly log: string;
  readonly index: number;
  readonly entry: Readonly<Record<string, unknown>>;
};

/** Columns that a search may name, and where each is found. */
export const filterColumns = {
  operation: "operation",
  resource: "resource",
  principalId: "principal_id",
  principalName: "principal_name",
  sourceIp: "source_ip",
  decision: "decision",
  code: "code",
  requestId: "request_id",
} as const;

export type FilterName = keyof typeof filterColumns;

export function isFilterName(name: string): name is FilterName {
  return Object.hasOwn(filterColumns, name);
}

/** The entry as callers see it: without what only recovery needs. */
export function entryView({ log, index, entry }: Stored, own: string): AuditEntry {
  const { accountId: _account, transactionId: _transaction, ...seen } = entry;
  const entryId = log === own ? String(index) : `${log}.${index}`;
  return { ...(seen as Omit<AuditEntry, "index" | "entryId">), entryId, index };
}

/** Which log an entry's id names, and where in it; an id without a name is of the own log. */
export function placeOf(entryId: string, own: string): { log: string; index: number } {
  const at = entryId.indexOf(".");
  const log = at === -1 ? own : entryId.slice(0, at);
  return { log, index: Number(entryId.slice(at + 1)) };
}
