/** Rules of reading the record. */
import type { AuditEntry } from "./contract.ts";

type Stored = { readonly index: number; readonly entry: Readonly<Record<string, unknown>> };

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
export function entryView({ index, entry }: Stored): AuditEntry {
  const { accountId: _account, transactionId: _transaction, ...seen } = entry;
  return { ...(seen as Omit<AuditEntry, "index">), index };
}
