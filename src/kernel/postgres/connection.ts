/** How to reach the database: the embedded one over its socket, or an external one by its URL. */
import type { Config } from "../config.ts";
import { DATABASE, ROLE, readPassword, socketFolder } from "./cluster.ts";

/** Options for `pg`; all fields name one and the same database. */
export type DatabaseConnection =
  | {
      readonly connectionString: string;
      /** Other hosts of the same database, of which one is the primary now. */
      readonly standbys?: readonly string[];
    }
  | {
      /** Folder of the Unix socket. */
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password: string;
      readonly database: string;
    };

/** The port only names the socket file; nothing listens on TCP. */
export const SOCKET_PORT = 5432;

/**
 * The connection of this configuration.
 *
 * @throws StartError when the embedded cluster was not made yet.
 */
export function connectionFor(config: Config): DatabaseConnection {
  if (config.databaseUrl !== undefined) return hostsOf(config.databaseUrl);
  return {
    host: socketFolder(config),
    port: SOCKET_PORT,
    user: ROLE,
    password: readPassword(config),
    database: DATABASE,
  };
}

/** What libpq knows and `pg` does not: several hosts, and which of them is wanted. */
const HOSTS = /^(postgres(?:ql)?:\/\/(?:[^@/?#]*@)?)([^/?#]+)(.*)$/;
export const HOSTS_MAX = 8;

/**
 * One connection string for each host of a URL such as
 * `postgresql://user:password@a:5432,b:5433/cordon?target_session_attrs=read-write`.
 *
 * @throws RangeError when it is no such URL, or wants a session that cannot write.
 */
export function hostsOf(url: string): { connectionString: string; standbys?: string[] } {
  const [, before = "", hosts = "", after = ""] = HOSTS.exec(url) ?? [];
  const named = hosts.split(",");
  const [path = "", query = ""] = [after.split("?")[0], after.split("?")[1]];
  const options = new URLSearchParams(query);
  const wanted = options.get("target_session_attrs") ?? "read-write";
  if (!["read-write", "primary", "any"].includes(wanted)) {
    throw new RangeError(
      `Cannot use target_session_attrs=${wanted}: Cordon writes, so it must be read-write`,
    );
  }
  options.delete("target_session_attrs");
  const tail = options.size === 0 ? path : `${path}?${options}`;
  const strings = named.map((host) => `${before}${host}${tail}`);
  const [connectionString = "", ...standbys] = strings;
  if (strings.length > HOSTS_MAX || !strings.every((one) => URL.canParse(one))) {
    throw new RangeError(
      `Cannot read the hosts of the database URL: wanted 1 to ${HOSTS_MAX} of host or host:port`,
    );
  }
  return standbys.length === 0 ? { connectionString } : { connectionString, standbys };
}
