/** How to reach the database: the embedded one over its socket, or an external one by its URL. */
import type { Config } from "../config.ts";
import { DATABASE, ROLE, readPassword, socketFolder } from "./cluster.ts";

/** Options for `pg`; all fields name one and the same database. */
export type DatabaseConnection =
  | { readonly connectionString: string }
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
  if (config.databaseUrl !== undefined) return { connectionString: config.databaseUrl };
  return {
    host: socketFolder(config),
    port: SOCKET_PORT,
    user: ROLE,
    password: readPassword(config),
    database: DATABASE,
  };
}
