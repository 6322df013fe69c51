/** What `up` prints when everything is ready: where things are and what to do next. */
import type { Config } from "../../kernel/config.ts";
import type { ChildStatus } from "../../kernel/process/child.ts";
import { hostPort } from "../../lib/host-port.ts";

const LABEL_COLUMNS = 10;

export function summary(config: Config, status: readonly ChildStatus[]): string {
  const { console, gateway } = config;
  const server = status.find(({ name }) => name === "server")?.details ?? {};
  const setupUrl = server.setupUrl;
  const row = (label: string, text: string) => `  ${label.padEnd(LABEL_COLUMNS)} ${text}`;
  const lines = [
    "Cordon is up.",
    row("data", config.dataFolder),
    row("console", `https://${hostPort(console)}`),
    row("gateway", `http://${hostPort({ host: gateway.host, port: gateway.httpPort })}`),
    row("", `https://${hostPort({ host: gateway.host, port: gateway.httpsPort })}`),
  ];
  if (typeof setupUrl === "string") lines.push(row("set-up", `${setupUrl}  (one use)`));
  const first = typeof setupUrl === "string" ? "open the set-up link" : "open the console";
  lines.push(row("next", `${first}   ./cordon doctor   ./cordon demo   ./cordon help`));
  return `${lines.join("\n")}\n`;
}
