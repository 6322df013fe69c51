/** Answers SELECTs on a Unix socket in ClickHouse's HTTP interface. Reading only. */
import { chmodSync, rmSync } from "node:fs";
import http, { type IncomingMessage, type ServerResponse } from "node:http";

export type RunQuery = (
  sql: string,
  parameters: Readonly<Record<string, string>>,
) => Promise<string>;

const SQL_LENGTH_MAX = 65_536;
/**
 * Words with which a SELECT could reach beyond the table. The session is read-only as well; this
 * wall also stops the functions that read files and the clause that writes one.
 */
const REFUSED =
  /\b(?:file|url|s3|gcs|hdfs|remote|executable|outfile|settings|system|loop|dictionary|cluster|mysql|postgresql|sqlite|mongodb|redis|jdbc|odbc|azure|iceberg|delta|hudi|paimon|input|numbers|generate|zeros|merge|view|format)\w*/i;

/** True for one plain SELECT over the lake's own table. */
export function isReadOnly(sql: string): boolean {
  const text = sql.trim();
  return (
    text.length <= SQL_LENGTH_MAX &&
    /^(?:select|with)\b/i.test(text) &&
    !/[;`\\]|\/\*|--/.test(text) &&
    !REFUSED.test(text)
  );
}

const UNESCAPED: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", "0": "\0" };

/** A parameter as the engine takes it: its library escapes what ClickHouse is sent escaped. */
const unescaped = (text: string): string =>
  text.replace(/\\(.)/gs, (_, letter: string) => UNESCAPED[letter] ?? letter);

/** Listens; `close` removes the socket. */
export async function startQueryServer(
  socketPath: string,
  run: RunQuery,
): Promise<{ close(): Promise<void> }> {
  rmSync(socketPath, { force: true });
  const server = http.createServer((request, response) => {
    answer(request, response, run).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(error instanceof Error ? error.message : String(error));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, resolve);
  });
  chmodSync(socketPath, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, run: RunQuery) {
  const url = new URL(request.url ?? "/", "http://lake");
  request.resume();
  if (url.pathname === "/ping") {
    response.end("Ok.\n");
    return;
  }
  const sql = url.searchParams.get("query") ?? "";
  if (!isReadOnly(sql)) {
    response.writeHead(403);
    response.end("The lake answers one SELECT without SETTINGS and table functions");
    return;
  }
  const parameters: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (name.startsWith("param_")) parameters[name.slice("param_".length)] = unescaped(value);
  }
  const text = await run(sql, parameters);
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  response.end(text);
}
