/** Databases of countries and networks: import, list, go back, delete. */
import Type, { type Static } from "typebox";
import {
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  Name,
  operation,
  Time,
} from "../../kernel/operation.ts";

export const GeoDatabaseId = idSchema("geodb");
const Kind = Type.Enum(["country", "asn"]);
const Sha256 = Type.String({ pattern: "^[0-9a-f]{64}$", description: "SHA-256 in hex" });

/** What one call carries: the file, or a part of it. */
export const GEO_PART_BYTES = 16 * 1_048_576;
export const GEO_PARTS_MAX = 8;
/** Base64 takes four characters for three bytes. */
const PART_CHARS_MAX = Math.ceil(GEO_PART_BYTES / 3) * 4;

/** Base64 (RFC 4648 §4). */
const Content = Type.String({
  minLength: 4,
  maxLength: PART_CHARS_MAX,
  pattern: "^[A-Za-z0-9+/]+={0,2}$",
  contentEncoding: "base64",
  contentMediaType: "application/vnd.maxmind.maxmind-db",
  description: "The .mmdb or .mmdb.gz in base64",
});

export const GeoDatabase = Type.Object({
  geoDatabaseId: GeoDatabaseId,
  kind: Kind,
  /** False for the one before, which is kept so that one can go back. */
  inForce: Type.Boolean(),
  /** As it calls itself, such as GeoLite2-Country. */
  databaseType: Type.String(),
  buildTime: Time,
  ageDays: Type.Integer(),
  /** So old that blocks of addresses have moved: import a newer edition. */
  isOutdated: Type.Boolean(),
  ipVersion: Type.Integer(),
  /** Blocks of addresses that it knows something of. */
  networks: Type.Integer(),
  sizeBytes: Type.Integer(),
  /** Of the database itself, unpacked. */
  sha256: Sha256,
  /** The name of the file. */
  origin: Type.String(),
  /** For the operator's account; of the one in force. */
  gateways: Type.Array(
    Type.Object({
      gateway: Name,
      state: Type.Enum(["applied", "pending", "failed"]),
      stateReason: Type.String(),
    }),
  ),
  createdBy: Type.String(),
  createTime: Time,
});
export type GeoDatabase = Static<typeof GeoDatabase>;

const one = input({ geoDatabaseId: GeoDatabaseId });

const importInput = {
  /** What it shall serve as; default: what it has, countries before networks. */
  kind: Type.Optional(Kind),
  origin: Type.Optional(Name),
};
const importShape = {
  method: "POST",
  action: "waf:ImportGeoDatabase",
  resource: "geoDatabase/*",
  output: GeoDatabase,
} as const;
const importProblems = [
  "account.operatorOnly",
  "waf.geoDatabaseInvalid",
  "waf.geoDatabaseExists",
] as const;

export const geoDatabaseOperations = {
  listGeoDatabases: operation({
    name: "waf.listGeoDatabases",
    summary: "List the imported databases of countries and networks",
    method: "GET",
    path: "/geoDatabases",
    action: "waf:ListGeoDatabases",
    resource: "geoDatabase/*",
    input: listInput({}),
    output: listOutput("geoDatabases", GeoDatabase),
  }),
  getGeoDatabase: operation({
    name: "waf.getGeoDatabase",
    summary: "Get one database of countries or networks, with the state of each gateway",
    method: "GET",
    path: "/geoDatabases/{geoDatabaseId}",
    action: "waf:GetGeoDatabase",
    resource: "geoDatabase/{geoDatabaseId}",
    input: one,
    output: GeoDatabase,
    problems: ["waf.geoDatabaseNotFound"],
  }),
  putGeoDatabasePart: operation({
    name: "waf.putGeoDatabasePart",
    summary: "Send one part of a file that is too large for one call, before it is imported",
    method: "PUT",
    path: "/geoDatabaseParts/{fileSha256}/{part}",
    action: "waf:ImportGeoDatabase",
    resource: "geoDatabase/*",
    input: input({
      /** Of the whole file as it is sent. The first part of another file ends this one. */
      fileSha256: Sha256,
      part: Type.Integer({ minimum: 0, maximum: GEO_PARTS_MAX - 1 }),
      content: Content,
    }),
    hashedInput: ["content"],
    output: Type.Object({ receivedBytes: Type.Integer() }),
    problems: ["account.operatorOnly"],
    bodyBytesMax: PART_CHARS_MAX + 65_536,
  }),
  importGeoDatabase: operation({
    ...importShape,
    name: "waf.importGeoDatabase",
    summary: "Import a database of countries or networks; gateways follow within seconds",
    path: "/geoDatabases",
    input: input({ content: Content, ...importInput }),
    hashedInput: ["content"],
    problems: [...importProblems],
    bodyBytesMax: PART_CHARS_MAX + 65_536,
  }),
  importGeoDatabaseParts: operation({
    ...importShape,
    name: "waf.importGeoDatabaseParts",
    summary: "Import a database whose file was sent in parts",
    path: "/geoDatabaseParts/{fileSha256}:import",
    input: input({ fileSha256: Sha256, ...importInput }),
    problems: [...importProblems, "waf.geoDatabasePartsMissing"],
  }),
  restoreGeoDatabase: operation({
    name: "waf.restoreGeoDatabase",
    summary: "Put the database before in force again; the two change places",
    method: "POST",
    path: "/geoDatabases/{geoDatabaseId}:restore",
    action: "waf:RestoreGeoDatabase",
    resource: "geoDatabase/{geoDatabaseId}",
    input: one,
    output: GeoDatabase,
    problems: ["account.operatorOnly", "waf.geoDatabaseNotFound"],
  }),
  deleteGeoDatabase: operation({
    name: "waf.deleteGeoDatabase",
    summary: "Delete a database; without one in force no address has a country, or no network",
    method: "DELETE",
    path: "/geoDatabases/{geoDatabaseId}",
    action: "waf:DeleteGeoDatabase",
    resource: "geoDatabase/{geoDatabaseId}",
    input: one,
    output: Empty,
    problems: ["account.operatorOnly", "waf.geoDatabaseNotFound"],
    dangerous: true,
  }),
};

export const geoDatabaseResources = [
  {
    name: "geoDatabase",
    idField: "geoDatabaseId",
    idPrefix: "geodb",
    titleField: "databaseType",
    columns: [
      ...["kind", "databaseType", "inForce", "buildTime", "ageDays", "isOutdated"],
      ...["sizeBytes", "createTime"],
    ],
    list: "listGeoDatabases",
    get: "getGeoDatabase",
    create: "importGeoDatabase",
    delete: "deleteGeoDatabase",
  },
] as const;

export const geoDatabaseProblems = {
  "waf.geoDatabaseNotFound": {
    code: 404,
    message: "There is no such database of countries or networks",
    fix: "List the databases and take an id from there",
  },
  "waf.geoDatabaseInvalid": {
    code: 400,
    message: "The file cannot be used as a database of countries or networks",
    fix: "Give a .mmdb or .mmdb.gz in MaxMind's format; nothing was changed",
  },
  "waf.geoDatabaseExists": {
    code: 409,
    message: "Exactly this database is there already",
    fix: "Nothing needs to be done; if it is the one before, restore it",
  },
  "waf.geoDatabasePartsMissing": {
    code: 409,
    message: "The parts that have come do not make the file of this SHA-256",
    fix: "Send every part of the file, then import it",
  },
} as const;

export const geoDatabaseEvents = [
  "waf.geoDatabaseImported",
  "waf.geoDatabaseRestored",
  "waf.geoDatabaseDeleted",
] as const;
