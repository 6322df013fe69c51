/** Handlers of the record. */
import type { AuditLog } from "../../kernel/audit-log/audit-log.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Service, service } from "../../kernel/service.ts";
import { pageOf } from "../../kernel/store/page.ts";
import { auditContract } from "./contract.ts";
import { entryView, filterColumns, isFilterName, placeOf } from "./domain.ts";
import { auditStore } from "./store.ts";

export type AuditParts = {
  readonly log: AuditLog;
  /** The control plane whose log it is. */
  readonly name: string;
  /** The Ed25519 key that signs checkpoints, PEM. */
  readonly publicKeyPem: string;
};

/** The audit service. */
export function auditService({ log, name, publicKeyPem }: AuditParts): Service {
  return service(auditContract, {
    async listEntries({ sql, accountId }, input) {
      for (const [at, filter] of (input.filters ?? []).entries()) {
        if (isFilterName(filter.name)) continue;
        const message = `"${filter.name}" is no field here; fields are ${Object.keys(filterColumns).join(", ")}`;
        throw new Problem("kernel.inputInvalid", {
          details: [{ path: `/filters/${at}/name`, message }],
        });
      }
      const rows = await auditStore(sql).list(accountId, {
        startTime: input.startTime,
        endTime: input.endTime,
        changesOnly: input.changesOnly ?? false,
        filters: input.filters ?? [],
        ...pageOf(input),
      });
      return {
        entries: rows.map((row) => entryView(row, name)),
        totalCount: rows[0]?.totalCount ?? 0,
      };
    },
    async getEntry({ sql, accountId }, { entryId }) {
      const place = placeOf(entryId, name);
      const { index } = place;
      const row = await auditStore(sql).get(accountId, place);
      if (row === undefined) throw new Problem("audit.entryNotFound");
      if (row.log !== name) throw new Problem("audit.entryElsewhere");
      const [bytes] = await log.readEntries(index, index + 1);
      const proof = await log.inclusionProof(index);
      return {
        entry: entryView(row, name),
        proof: {
          leafHash: proof.leafHash.toString("base64"),
          treeSize: proof.treeSize,
          rootHash: proof.rootHash.toString("base64"),
          hashes: proof.hashes.map((hash) => hash.toString("base64")),
          checkpoint: proof.checkpoint,
          entryBytes: (bytes ?? Buffer.alloc(0)).toString("base64"),
        },
      };
    },
    async getCheckpoint() {
      const { checkpoint, treeSize } = await log.checkpoint();
      return { checkpoint, treeSize, publicKey: publicKeyPem };
    },
  });
}
