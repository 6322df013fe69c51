/** Settings that must precede the API. Everything else is state and is set through operations. */
import { availableParallelism } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";

/** Folder of the program itself (the clone). */
export const programFolder = resolve(dirname(import.meta.filename), "..", "..");

/** Numbered SQL files that make the schema. */
export const migrationsFolder = join(programFolder, "src", "migrations");

export type Config = {
  /** Where all state lives; one Cordon per folder. */
  readonly dataFolder: string;
  readonly folders: {
    readonly postgres: string;
    readonly lake: string;
    readonly spool: string;
    /** Requests that were kept whole, on their way into the lake. */
    readonly records: string;
    readonly audit: string;
    readonly gateway: string;
    readonly keys: string;
    readonly rules: string;
    readonly run: string;
    readonly logs: string;
  };
  readonly console: { readonly host: string; readonly port: number };
  readonly fleet: { readonly host: string; readonly port: number };
  readonly gateway: {
    readonly host: string;
    readonly httpPort: number;
    readonly httpsPort: number;
    readonly workers: number;
  };
  /** Where revocation lists and online status are served without TLS; undefined = nowhere. */
  readonly pki: { readonly host: string; readonly port: number; readonly url: string } | undefined;
  readonly acme: {
    /** Port of HTTP-01 validation; RFC 8555 §8.3 wants 80, tests another one. */
    readonly validationPort: number;
    /** `address:port` of a DNS server; undefined = the system's. */
    readonly resolver: string | undefined;
  };
  /** Socket of a keyd that several control planes of this machine share; undefined = an own one. */
  readonly keydSocket: string | undefined;
  /** Port on 127.0.0.1 of `/metrics`, `/healthz` and `/readyz` without a credential. */
  readonly metricsPort: number | undefined;
  /** Where metrics and traces are exported to; undefined = nowhere. */
  readonly otlp: { readonly url: string; readonly headersFile: string | undefined } | undefined;
  /** Blocks that are not public and may yet be connected to for an account. */
  readonly privateTargets: readonly string[];
  /** The region that keys are made in; other protocols carry it in the names of keys. */
  readonly region: string;
  /** Font file with Chinese characters, for reports on paper. */
  readonly reportFont: string | undefined;
  /** External PostgreSQL; undefined = the embedded child process. */
  readonly databaseUrl: string | undefined;
  readonly backup: {
    /** Where backups go that Cordon makes by itself. */
    readonly folder: string;
    /** Its first line seals them; undefined = the root alone opens them. */
    readonly passphraseFile: string | undefined;
  };
  /** External ClickHouse; undefined = the embedded chDB. */
  readonly lakeUrl: string | undefined;
};

/** A setting that cannot be used; the message names the variable, the value and the way out. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const PORT_MAX = 65_535;
const WORKERS_MAX = 64;
// sun_path holds 108 bytes with its terminator (unix(7)); PostgreSQL appends "/.s.PGSQL.5432".
const SOCKET_FOLDER_BYTES_MAX = 90;

/**
 * Reads the settings from environment variables (`CORDON_*`).
 *
 * @throws ConfigError naming the variable, its value and what is wanted.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const dataFolder = dataFolderFrom(env);
  const inData = (name: string) => join(dataFolder, name);
  return {
    dataFolder,
    folders: {
      postgres: inData("postgres"),
      lake: inData("lake"),
      spool: inData("spool"),
      records: inData("records"),
      audit: inData("audit"),
      gateway: inData("gateway"),
      keys: env.CORDON_KEYS || inData("keys"),
      rules: inData("rules"),
      run: env.CORDON_RUN ?? inData("run"),
      logs: inData("logs"),
    },
    console: {
      host: env.CORDON_CONSOLE_HOST ?? "127.0.0.1",
      port: portFrom(env, "CORDON_CONSOLE_PORT", 9443),
    },
    fleet: {
      host: env.CORDON_FLEET_HOST ?? "127.0.0.1",
      port: portFrom(env, "CORDON_FLEET_PORT", 9444),
    },
    gateway: {
      host: env.CORDON_GATEWAY_HOST ?? "127.0.0.1",
      httpPort: portFrom(env, "CORDON_GATEWAY_HTTP_PORT", 8080),
      httpsPort: portFrom(env, "CORDON_GATEWAY_HTTPS_PORT", 8443),
      workers: integerFrom(env, "CORDON_GATEWAY_WORKERS", {
        fallback: Math.min(availableParallelism(), WORKERS_MAX),
        min: 1,
        max: WORKERS_MAX,
      }),
    },
    pki: pkiFrom(env),
    acme: {
      validationPort: portFrom(env, "CORDON_ACME_VALIDATION_PORT", 80),
      resolver: env.CORDON_ACME_RESOLVER || undefined,
    },
    keydSocket: env.CORDON_KEYD_SOCKET || undefined,
    metricsPort: env.CORDON_METRICS_PORT ? portFrom(env, "CORDON_METRICS_PORT", 0) : undefined,
    otlp: otlpFrom(env),
    privateTargets: (env.CORDON_PRIVATE_TARGETS ?? "").split(",").filter((text) => text !== ""),
    region: regionFrom(env),
    reportFont: env.CORDON_REPORT_FONT || undefined,
    databaseUrl: databaseUrlFrom(env),
    lakeUrl: urlFrom(env, "CORDON_LAKE_URL", ["http:", "https:"]),
    backup: {
      folder: env.CORDON_BACKUP_FOLDER || inData("backups"),
      passphraseFile: env.CORDON_BACKUP_PASSPHRASE_FILE || undefined,
    },
  };
}

/** The variables that make a child process read the very same configuration. */
export function configEnvironment(config: Config): Record<string, string> {
  return {
    CORDON_DATA: config.dataFolder,
    CORDON_RUN: config.folders.run,
    CORDON_KEYS: config.folders.keys,
    ...(config.keydSocket === undefined ? {} : { CORDON_KEYD_SOCKET: config.keydSocket }),
    CORDON_CONSOLE_HOST: config.console.host,
    CORDON_CONSOLE_PORT: String(config.console.port),
    CORDON_FLEET_HOST: config.fleet.host,
    CORDON_FLEET_PORT: String(config.fleet.port),
    CORDON_GATEWAY_HOST: config.gateway.host,
    CORDON_GATEWAY_HTTP_PORT: String(config.gateway.httpPort),
    CORDON_GATEWAY_HTTPS_PORT: String(config.gateway.httpsPort),
    CORDON_GATEWAY_WORKERS: String(config.gateway.workers),
    ...(config.pki === undefined
      ? {}
      : {
          CORDON_PKI_HOST: config.pki.host,
          CORDON_PKI_PORT: String(config.pki.port),
          CORDON_PKI_URL: config.pki.url,
        }),
    ...(config.metricsPort === undefined
      ? {}
      : { CORDON_METRICS_PORT: String(config.metricsPort) }),
    ...(config.otlp === undefined
      ? {}
      : {
          CORDON_OTLP_URL: config.otlp.url,
          CORDON_OTLP_HEADERS_FILE: config.otlp.headersFile ?? "",
        }),
    CORDON_ACME_VALIDATION_PORT: String(config.acme.validationPort),
    CORDON_ACME_RESOLVER: config.acme.resolver ?? "",
    CORDON_PRIVATE_TARGETS: config.privateTargets.join(","),
    CORDON_REGION: config.region,
    CORDON_REPORT_FONT: config.reportFont ?? "",
    ...(config.databaseUrl === undefined ? {} : { CORDON_DATABASE_URL: config.databaseUrl }),
    ...(config.lakeUrl === undefined ? {} : { CORDON_LAKE_URL: config.lakeUrl }),
    CORDON_BACKUP_FOLDER: config.backup.folder,
    CORDON_BACKUP_PASSPHRASE_FILE: config.backup.passphraseFile ?? "",
  };
}

const REGION = /^[a-z][a-z0-9-]{0,31}$/;

function regionFrom(env: Readonly<Record<string, string | undefined>>): string {
  const given = env.CORDON_REGION || "local";
  if (REGION.test(given)) return given;
  throw new ConfigError(
    `Cannot use CORDON_REGION="${given}": it must be 1 to 32 lower-case letters, digits and dashes`,
  );
}

/** True when a Unix socket can be made in this folder: its path fits in sun_path. */
export function socketFolderFits(folder: string): boolean {
  return Buffer.byteLength(folder) <= SOCKET_FOLDER_BYTES_MAX;
}

function dataFolderFrom(env: Readonly<Record<string, string | undefined>>): string {
  const given = env.CORDON_DATA;
  if (given === undefined || given === "") return join(programFolder, "data");
  return isAbsolute(given) ? given : resolve(given);
}

function pkiFrom(env: Readonly<Record<string, string | undefined>>): Config["pki"] {
  if (env.CORDON_PKI_PORT === undefined || env.CORDON_PKI_PORT === "") return undefined;
  const host = env.CORDON_PKI_HOST ?? "127.0.0.1";
  const port = portFrom(env, "CORDON_PKI_PORT", 9080);
  const url = urlFrom(env, "CORDON_PKI_URL", ["http:"]) ?? `http://${host}:${port}`;
  return { host, port, url: url.replace(/\/$/, "") };
}

function otlpFrom(env: Readonly<Record<string, string | undefined>>): Config["otlp"] {
  const url = urlFrom(env, "CORDON_OTLP_URL", ["http:", "https:"]);
  if (url === undefined) return undefined;
  return { url, headersFile: env.CORDON_OTLP_HEADERS_FILE || undefined };
}

function portFrom(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  fallback: number,
): number {
  return integerFrom(env, name, { fallback, min: 1, max: PORT_MAX });
}

function integerFrom(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  range: { fallback: number; min: number; max: number },
): number {
  const text = env[name];
  if (text === undefined || text === "") return range.fallback;
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < range.min || value > range.max) {
    throw new ConfigError(
      `Cannot read ${name}: "${text}" is not a whole number from ${range.min} to ${range.max}`,
    );
  }
  return value;
}

/** Several hosts with commas, as libpq takes them, are no URL for anybody else: one is checked. */
function databaseUrlFrom(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const name = "CORDON_DATABASE_URL";
  const one = env[name]?.replace(/^(\w+:\/\/(?:[^@/?#]*@)?[^/?#,]+),[^/?#]+/, "$1");
  const isKnown = urlFrom({ [name]: one }, name, ["postgres:", "postgresql:"]) !== undefined;
  return isKnown ? env[name] : undefined;
}

function urlFrom(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  protocols: readonly string[],
): string | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  const protocol = URL.canParse(text) ? new URL(text).protocol : "";
  if (!protocols.includes(protocol)) {
    throw new ConfigError(
      `Cannot read ${name}: it must be a URL that starts with ${protocols.join("// or ")}//`,
    );
  }
  return text;
}
