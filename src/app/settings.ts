/** What this process was told: its settings, its clock, its log, the names it is reached by. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { programFolder, readConfig } from "../kernel/config.ts";
import { hostPort } from "../lib/host-port.ts";

export const VERSION = "0.1.0";
export const config = readConfig(process.env);
export const clock = Date.now;
export const consoleUrl = `https://${hostPort(config.console)}`;

/** Names of the console and the fleet listener: in their certificate, and where passkeys work. */
export const consoleHosts = [...new Set(["localhost", "127.0.0.1", "::1", config.console.host])];

/** One JSON document a line, to the process's own log file. */
export function log(line: Readonly<Record<string, unknown>>): void {
  process.stderr.write(`${JSON.stringify({ time: new Date(clock()).toISOString(), ...line })}\n`);
}

/** The built console, when there is one. */
export function consoleFolder(): string | undefined {
  const folder = join(programFolder, "console", "dist");
  return existsSync(join(folder, "index.html")) ? folder : undefined;
}
