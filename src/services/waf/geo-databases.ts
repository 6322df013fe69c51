/** Handlers of databases of countries and networks. */
import { type Context, timeText } from "../../kernel/context.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { sha256Of } from "../../kernel/rules/packed.ts";
import type { Handlers } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { wafContract } from "./contract.ts";
import { geoDatabaseAge, geoDatabaseStates } from "./domain.ts";
import type { GeoDatabase, geoDatabaseOperations } from "./geo-database-operations.ts";
import { type GeoDatabaseRow, geoDatabaseStore } from "./geo-database-store.ts";
import { readGeoDatabaseApart } from "./geo-database-thread.ts";
import { changed, requireOperator } from "./load.ts";
import type { WafParts } from "./parts.ts";

type GeoHandlers = Pick<Handlers<typeof wafContract>, keyof typeof geoDatabaseOperations>;

const fields = ["geoDatabaseId", "kind", "inForce", "databaseType", "isOutdated", "origin"];

/** The handlers of the operations in `geo-database-operations.ts`. */
export function geoDatabaseHandlers({ gateways }: Pick<WafParts, "gateways">): GeoHandlers {
  const shown = async (context: Context, rows: readonly GeoDatabaseRow[]) => {
    const { operator } = context.caller;
    // Who imported one, and which gateways there are, is the operator's own matter.
    const reports = operator ? await gateways() : [];
    return rows.map((row): GeoDatabase => {
      const age = geoDatabaseAge(row.buildTime, context.nowMs);
      const states = geoDatabaseStates(row, reports);
      return { ...row, ...age, gateways: states, createdBy: operator ? row.createdBy : "" };
    });
  };
  const one = async (context: Context, geoDatabaseId: string): Promise<GeoDatabase> => {
    const [database] = await shown(context, [await loadRow(context, geoDatabaseId)]);
    if (database === undefined) throw new Problem("waf.geoDatabaseNotFound");
    return database;
  };
  return {
    async listGeoDatabases(context, input) {
      const rows = await geoDatabaseStore(context.sql).list();
      const page = pageInMemory(await shown(context, rows), input, fields);
      return { geoDatabases: page.items, totalCount: page.totalCount };
    },
    getGeoDatabase: (context, { geoDatabaseId }) => one(context, geoDatabaseId),
    async putGeoDatabasePart(context, { fileSha256, part, content }) {
      requireOperator(context);
      const bytes = Buffer.from(content, "base64");
      const store = geoDatabaseStore(context.sql);
      await store.putPart(context.accountId, { fileSha256, part, content: bytes });
      return { receivedBytes: bytes.length };
    },
    async importGeoDatabase(context, input) {
      requireOperator(context);
      const file = Buffer.from(input.content, "base64");
      return one(context, await importGeoDatabase(context, file, input));
    },
    async importGeoDatabaseParts(context, input) {
      requireOperator(context);
      const parts = await geoDatabaseStore(context.sql).parts(context.accountId, input.fileSha256);
      const file = Buffer.concat(parts.map(({ content }) => content));
      if (sha256Of(file) !== input.fileSha256) throw new Problem("waf.geoDatabasePartsMissing");
      return one(context, await importGeoDatabase(context, file, input));
    },
    async restoreGeoDatabase(context, { geoDatabaseId }) {
      requireOperator(context);
      const store = geoDatabaseStore(context.sql);
      await store.lock();
      const row = await loadRow(context, geoDatabaseId);
      await store.putInForce(context.accountId, row);
      const message = `Database ${row.databaseType} of ${row.buildTime} is in force again`;
      await changed(context, "waf.geoDatabaseRestored", message);
      return one(context, geoDatabaseId);
    },
    async deleteGeoDatabase(context, { geoDatabaseId }) {
      requireOperator(context);
      const { databaseType, buildTime } = await loadRow(context, geoDatabaseId);
      await geoDatabaseStore(context.sql).delete(context.accountId, geoDatabaseId);
      const message = `Database ${databaseType} of ${buildTime} was deleted`;
      await changed(context, "waf.geoDatabaseDeleted", message);
      return {};
    },
  };
}

async function loadRow({ sql }: Context, geoDatabaseId: string): Promise<GeoDatabaseRow> {
  const rows = await geoDatabaseStore(sql).list();
  const row = rows.find((known) => known.geoDatabaseId === geoDatabaseId);
  if (row === undefined) throw new Problem("waf.geoDatabaseNotFound");
  return row;
}

type About = Omit<InputOf<typeof geoDatabaseOperations.importGeoDatabase>, "content">;

/** @returns the id of what is in force from now on. */
async function importGeoDatabase(context: Context, file: Buffer, about: About): Promise<string> {
  const read = await readGeoDatabaseApart({ file, kind: about.kind });
  if ("fault" in read) {
    const details = [{ path: "/content", message: read.fault }];
    throw new Problem("waf.geoDatabaseInvalid", { details });
  }
  const store = geoDatabaseStore(context.sql);
  await store.lock();
  const isKnown = (await store.list()).some(
    ({ kind, sha256 }) => kind === read.kind && sha256 === read.sha256,
  );
  if (isKnown) throw new Problem("waf.geoDatabaseExists");
  await store.retire(context.accountId, read.kind);
  const geoDatabaseId = context.newId("geodb");
  await store.insert(context.accountId, {
    ...read,
    geoDatabaseId,
    inForce: true,
    origin: about.origin ?? "file",
    createdBy: context.caller.principalName,
    createTime: timeText(context.nowMs),
  });
  await store.dropParts(context.accountId);
  const message = `Database ${read.databaseType} of ${read.buildTime} was imported, SHA-256 `;
  await changed(context, "waf.geoDatabaseImported", message + read.sha256);
  return geoDatabaseId;
}
