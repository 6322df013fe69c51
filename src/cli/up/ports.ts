/** The TCP ports of Cordon, tried before anything starts, so that a taken one is named at once. */
import { createServer } from "node:net";
import type { Config } from "../../kernel/config.ts";
import { codeOf } from "../../kernel/process/text.ts";
import { CommandError } from "../exit.ts";

export type Listener = {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** The setting that changes the port. */
  readonly variable: string;
};

export function listenersOf(config: Config): readonly Listener[] {
  const { console, fleet, gateway } = config;
  const { host, httpPort, httpsPort } = gateway;
  return [
    { name: "console", ...console, variable: "CORDON_CONSOLE_PORT" },
    { name: "fleet", ...fleet, variable: "CORDON_FLEET_PORT" },
    { name: "gateway HTTP", host, port: httpPort, variable: "CORDON_GATEWAY_HTTP_PORT" },
    { name: "gateway HTTPS", host, port: httpsPort, variable: "CORDON_GATEWAY_HTTPS_PORT" },
  ];
}

/** @throws CommandError naming the first port that cannot be used and what to set. */
export async function checkPorts(listeners: readonly Listener[]): Promise<void> {
  for (const listener of listeners) {
    const code = await tryListen(listener);
    if (code !== undefined) throw portError(listener, code);
  }
}

/** @returns the error code, or undefined when the port is free. */
export function tryListen(at: { host: string; port: number }): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const server = createServer();
  server.on("error", (error) => resolve(codeOf(error) ?? error.message));
  server.listen({ host: at.host, port: at.port, exclusive: true }, () => {
    server.close(() => resolve(undefined));
  });
  return promise;
}

function portError(listener: Listener, code: string): CommandError {
  const { name, host, port, variable } = listener;
  if (code === "EADDRINUSE") {
    return new CommandError(`Cannot start: port ${port} on ${host} (${name}) is taken`, {
      fix: `stop the program that uses it, or choose another: ${variable}=… ./cordon up`,
    });
  }
  if (code === "EACCES") {
    return new CommandError(
      `Cannot start: this user may not listen on port ${port} on ${host} (${name})`,
      { fix: `run as root, or choose a port above 1023: ${variable}=… ./cordon up` },
    );
  }
  return new CommandError(`Cannot listen on ${host}:${port} (${name}): ${code}`, {
    fix: `check the address ${host} and the setting ${variable}`,
  });
}
