/** Calls the API of the Cordon on this machine, or of another one named by the environment. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import https from "node:https";
import { join } from "node:path";
import { type Config, readConfig } from "../kernel/config.ts";
import type { Contract, Operation } from "../kernel/operation.ts";
import { hostPort } from "../lib/host-port.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";

export type Answer = {
  readonly requestId: string;
  readonly result?: unknown;
  readonly error?: {
    readonly code: number;
    readonly reason: string;
    readonly message: string;
    readonly fix: string;
    readonly details: readonly { readonly path: string; readonly message: string }[];
  };
};

const TIMEOUT_MS = 60_000;

/** Where the key of the command line on this machine is kept, readable by its user only. */
function credentialFile(config: Config): string {
  return join(config.folders.keys, "command-line.json");
}

/** The bearer key: `CORDON_TOKEN`, or what `cordon setup` or `cordon sign-in` stored. */
export function storedKey(config: Config): string | undefined {
  const given = process.env.CORDON_TOKEN;
  if (given !== undefined && given !== "") return given;
  const file = credentialFile(config);
  if (!existsSync(file)) return undefined;
  const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
  const secret =
    typeof parsed === "object" && parsed !== null && "secret" in parsed ? parsed.secret : "";
  return typeof secret === "string" && secret !== "" ? secret : undefined;
}

export function storeKey(config: Config, secret: string): void {
  mkdirSync(config.folders.keys, { recursive: true, mode: 0o700 });
  writeFileSync(credentialFile(config), JSON.stringify({ secret }), { mode: 0o600 });
}

export type Request = {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Sends one request; also gives the cookie that came back. */
export function send(
  config: Config,
  request: Request,
  onLine?: (line: string) => void,
): Promise<{ answer: Answer; cookie: string | undefined }> {
  const authority = join(config.folders.keys, "authority.pem");
  if (!existsSync(authority)) throw notRunning(config);
  const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
  return new Promise((resolve, reject) => {
    const outgoing = https.request(
      {
        host: config.console.host,
        port: config.console.port,
        servername: "localhost",
        ca: readFileSync(authority),
        method: request.method,
        path: request.path,
        timeout: onLine === undefined ? TIMEOUT_MS : 0,
        headers: {
          ...(payload === undefined ? {} : { "content-type": "application/json" }),
          ...request.headers,
        },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          if (onLine === undefined || response.statusCode !== 200) return;
          const lines = text.split("\n");
          text = lines.pop() ?? "";
          for (const line of lines) onLine(line);
        });
        response.on("end", () => {
          const cookie = response.headers["set-cookie"]?.[0]?.split(";")[0];
          const streamed = onLine !== undefined && response.statusCode === 200;
          resolve({ answer: streamed ? { requestId: "" } : (JSON.parse(text) as Answer), cookie });
        });
        response.on("error", reject);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
    outgoing.on("error", (error: Error) => reject(unreachable(config, error)));
    outgoing.end(payload);
  });
}

function notRunning(config: Config): CommandError {
  return new CommandError(`There is no Cordon in ${config.dataFolder}`, {
    fix: "start one with ./cordon up, or name its data folder in CORDON_DATA",
    status: EXIT.unreachable,
  });
}

function unreachable(config: Config, error: Error): CommandError {
  const address = `https://${hostPort(config.console)}`;
  return new CommandError(`Cannot reach Cordon at ${address}: ${error.message}`, {
    fix: "start it with ./cordon up; ./cordon status shows what runs",
    status: EXIT.unreachable,
  });
}

/** Runs an operation with the stored key. @throws CommandError with the problem's own words. */
export async function call(
  contract: Contract,
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
  onLine?: (line: string) => void,
): Promise<unknown> {
  const config = readConfig(process.env);
  const key = storedKey(config);
  if (key === undefined && operation.authentication !== "none") {
    throw new CommandError("The command line has no key for this Cordon", {
      fix: "run ./cordon setup (first start) or ./cordon sign-in, or set CORDON_TOKEN",
      status: EXIT.denied,
    });
  }
  const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const request = requestOf(contract, operation, input);
  const { answer } = await send(config, { ...request, headers: authorization }, onLine);
  if (answer.error !== undefined) throw failureOf(answer);
  return answer.result;
}

const STATUS_BY_CODE: Readonly<Record<number, ExitStatus>> = {
  400: EXIT.usage,
  401: EXIT.denied,
  403: EXIT.denied,
  409: EXIT.conflict,
  503: EXIT.unreachable,
};

/** A problem as the command line tells it. */
export function failureOf({ error, requestId }: Answer): CommandError {
  if (error === undefined) return new CommandError("Cordon gave no answer");
  const details = error.details.map(({ path, message }) => `\n  ${path} ${message}`).join("");
  return new CommandError(`${error.message} (${error.reason}, ${requestId})${details}`, {
    fix: error.fix,
    status: STATUS_BY_CODE[error.code] ?? EXIT.problem,
  });
}

/** Method, path, query and body of an operation's call. */
export function requestOf(
  contract: Contract,
  operation: Operation,
  input: Readonly<Record<string, unknown>>,
): Request {
  const rest: Record<string, unknown> = { ...input };
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = encodeURIComponent(String(rest[name]));
    delete rest[name];
    return value;
  });
  const full = `/v1/${contract.service}${path}`;
  const { method } = operation;
  if (method !== "GET" && method !== "DELETE") return { method, path: full, body: rest };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(rest)) addToQuery(query, name, value);
  const text = query.toString();
  return { method, path: text === "" ? full : `${full}?${text}` };
}

function addToQuery(query: URLSearchParams, name: string, value: unknown): void {
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) addToQuery(query, `${name}.${at + 1}`, item);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) addToQuery(query, `${name}.${key}`, item);
  } else if (value !== undefined) query.set(name, String(value));
}
