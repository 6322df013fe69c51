/** What the delivery service asks of others. */
import type { Sql } from "../../kernel/store/database.ts";
import type { GuardedPage, UpstreamState } from "./contract.ts";

/** What one gateway reports of the upstreams of its sites. */
export type UpstreamReport = {
  readonly gateway: string;
  readonly upstreams: readonly Omit<UpstreamState, "upstreamStateId" | "gateway">[];
  readonly pages: readonly {
    readonly siteId: string;
    readonly path: string;
    readonly state: GuardedPage["state"];
    readonly approvedDigest: string | null;
    readonly seenDigest: string | null;
    readonly seenBytes: number;
    readonly seenTimeMs: number;
  }[];
};

export type DeliveryParts = {
  /** Upstreams of a site of the account; undefined when it has none of this id. */
  readonly siteUpstreams: (
    sql: Sql,
    accountId: string,
    siteId: string,
  ) => Promise<readonly string[] | undefined>;
  readonly siteIds: (sql: Sql, accountId: string) => Promise<readonly string[]>;
  /** Whether the account has this certificate, with its key. */
  readonly hasKey: (sql: Sql, accountId: string, certificateId: string) => Promise<boolean>;
  readonly reports: () => Promise<readonly UpstreamReport[]>;
};
