/** Tables of imported databases of countries and networks, and of parts of files on their way. */
import type { GeoDatabaseIntent } from "../../kernel/intent/gateway-document.ts";
import type { Sql } from "../../kernel/store/database.ts";
import type { GeoDatabase } from "./geo-database-operations.ts";

export type GeoDatabaseRow = Omit<GeoDatabase, "ageDays" | "isOutdated" | "gateways">;
export type GeoDatabaseContent = { readonly content: Uint8Array; readonly contentSha256: string };

/** Queries of a call. Databases are shared, so reading them takes no account. */
export function geoDatabaseStore(sql: Sql) {
  return {
    list: () => sql<GeoDatabaseRow>`
      select geo_database_id, kind, in_force, database_type, build_time, ip_version, networks,
        size_bytes, sha256, origin, created_by, create_time
      from geo_database order by kind desc, in_force desc`,

    /** One change of them at a time, until the transaction ends. */
    async lock() {
      await sql`lock table geo_database in share row exclusive mode`;
    },

    /** What is in force is the one before from now on; what was that is gone. */
    async retire(accountId: string, kind: GeoDatabase["kind"]) {
      await sql`delete from geo_database
        where account_id = ${accountId} and kind = ${kind} and not in_force`;
      await sql`update geo_database set in_force = false
        where account_id = ${accountId} and kind = ${kind}`;
    },

    async insert(accountId: string, row: GeoDatabaseRow & GeoDatabaseContent) {
      await sql`
        insert into geo_database (account_id, geo_database_id, kind, in_force, database_type,
          build_time, ip_version, networks, size_bytes, sha256, content_sha256, origin, content,
          created_by, create_time)
        values (${accountId}, ${row.geoDatabaseId}, ${row.kind}, ${row.inForce},
          ${row.databaseType}, ${row.buildTime}, ${row.ipVersion}, ${row.networks},
          ${row.sizeBytes}, ${row.sha256}, ${row.contentSha256}, ${row.origin},
          ${Buffer.from(row.content)}, ${row.createdBy}, ${row.createTime})`;
    },

    async putInForce(accountId: string, { geoDatabaseId, kind }: GeoDatabaseRow) {
      await sql`update geo_database set in_force = false
        where account_id = ${accountId} and kind = ${kind} and in_force`;
      await sql`update geo_database set in_force = true
        where account_id = ${accountId} and geo_database_id = ${geoDatabaseId}`;
    },

    async delete(accountId: string, geoDatabaseId: string) {
      await sql`delete from geo_database
        where account_id = ${accountId} and geo_database_id = ${geoDatabaseId}`;
    },

    /** One file is on its way at a time: a part of another ends the one before. */
    async putPart(accountId: string, part: { fileSha256: string; part: number; content: Buffer }) {
      await sql`delete from geo_database_part
        where account_id = ${accountId} and file_sha256 <> ${part.fileSha256}`;
      await sql`
        insert into geo_database_part (account_id, file_sha256, part, content)
        values (${accountId}, ${part.fileSha256}, ${part.part}, ${part.content})
        on conflict (account_id, file_sha256, part) do update set content = excluded.content`;
    },

    parts: (accountId: string, fileSha256: string) => sql<{ content: Buffer }>`
      select content from geo_database_part
      where account_id = ${accountId} and file_sha256 = ${fileSha256} order by part`,

    async dropParts(accountId: string) {
      await sql`delete from geo_database_part where account_id = ${accountId}`;
    },
  };
}

/** Queries over all accounts, for the gateways; `sql` runs in the system's scope. */
export function geoDatabaseIntentStore(sql: Sql) {
  return {
    inForce: () => sql<GeoDatabaseIntent>`
      select kind, sha256, content_sha256 from geo_database where in_force order by kind`,

    async packed(contentSha256: string): Promise<Buffer | undefined> {
      const [row] = await sql<{ content: Buffer }>`
        select content from geo_database where content_sha256 = ${contentSha256} limit 1`;
      return row?.content;
    },
  };
}
