/** What this service asks of others. */

import type { Context } from "../../kernel/context.ts";
import type { Sealer } from "../../kernel/identity/sealer.ts";
import { type Lake, LakeError } from "../../kernel/lake/client.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Database, Sql } from "../../kernel/store/database.ts";
import type { Notice } from "../notify/contract.ts";
import type { Exclusion } from "../waf/contract.ts";
import type { GatewayPlace } from "./compliance-probe.ts";

/** What is used of a site. */
export type SiteFacts = {
  readonly siteId: string;
  readonly domains: readonly string[];
};

export type NewExclusion = Omit<Exclusion, "exclusionId" | "createdBy" | "createTime">;

export type AppgatewayParts = {
  readonly database: Database;
  readonly clock: () => number;
  readonly report: (line: Readonly<Record<string, unknown>>) => void;
  /** The listeners of the gateway beside this control plane. */
  readonly gateway: GatewayPlace;
  /** Why the gateways do not serve a site as it is set; empty when they do. */
  readonly unservedReason: (siteId: string) => Promise<string>;
  readonly lake: Lake;
  readonly sealer: Sealer;
  readonly site: (sql: Sql, accountId: string, siteId: string) => Promise<SiteFacts | undefined>;
  /** Exclusions of a site, as tuning needs them. */
  readonly exclusions: (
    sql: Sql,
    accountId: string,
    siteId: string,
  ) => Promise<readonly Pick<Exclusion, "ruleId" | "variable" | "pathPrefix">[]>;
  /** Makes an exclusion as `waf.createExclusion` does, in the call's transaction; gives its id. */
  readonly createExclusion: (context: Context, input: NewExclusion) => Promise<string>;
  /** The account's channels that lead to mailboxes. */
  readonly mailChannelIds: (sql: Sql, accountId: string) => Promise<ReadonlySet<string>>;
  /** Font file with Chinese characters; undefined: none was named. */
  readonly fontFile: string | undefined;
};

/** A report on its way to mailboxes, as the notify service queues it. */
export type ReportMail = {
  readonly accountId: string;
  readonly channelIds: readonly string[];
  readonly notice: Notice;
  readonly files: readonly { fileName: string; mediaType: string; content: Buffer }[];
  /** What is queued twice under one key is sent once. */
  readonly groupKey: string;
  readonly nowMs: number;
};

/** The site of this account. @throws Problem appgateway.siteNotFound. */
export async function requireSite(
  parts: AppgatewayParts,
  { sql, accountId }: Context,
  siteId: string,
): Promise<SiteFacts> {
  const site = await parts.site(sql, accountId, siteId);
  if (site === undefined) throw new Problem("appgateway.siteNotFound");
  return site;
}

/** Runs a question to the lake. @throws Problem appgateway.lakeUnavailable. */
export async function fromLake<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LakeError)) throw error;
    throw new Problem("appgateway.lakeUnavailable", { cause: error });
  }
}
