/**
 * Asks the lake in ClickHouse's HTTP interface: the embedded one on a Unix socket, or a cluster.
 * Values travel as server-side parameters only.
 */
import http from "node:http";
import https from "node:https";

export type LakeTarget = { readonly socketPath: string } | { readonly url: string };

export type LakeParameters = Readonly<
  Record<string, string | number | readonly string[] | readonly number[]>
>;

export type LakeTable = "event" | "request_record";

export type Lake = {
  /** Rows of a SELECT. @throws LakeError. */
  query<Row extends object>(sql: string, parameters?: LakeParameters): Promise<Row[]>;
  /** Inserts lines of JSON; a cluster only, the embedded lake fills itself. */
  insert(table: LakeTable, lines: string): Promise<void>;
  ping(): Promise<boolean>;
};

/** The lake did not answer, or refused the query; `unavailable` tells which. */
export class LakeError extends Error {
  override readonly name = "LakeError";
  readonly unavailable: boolean;
  constructor(message: string, unavailable: boolean) {
    super(message);
    this.unavailable = unavailable;
  }
}

const QUERY_TIMEOUT_MS = 30_000;
const ANSWER_BYTES_MAX = 128 * 1_048_576;

/** A client; connections are made when needed. */
export function connectLake(target: LakeTarget): Lake {
  return {
    async query<Row extends object>(sql: string, parameters: LakeParameters = {}) {
      const text = await send(target, { sql, parameters, body: "" });
      const lines = text.split("\n").filter((line) => line !== "");
      return lines.map((line) => JSON.parse(line) as Row);
    },
    async insert(table, lines) {
      await send(target, {
        sql: `INSERT INTO ${table} FORMAT JSONEachRow`,
        parameters: {},
        body: lines,
      });
    },
    async ping() {
      try {
        await send(target, { sql: "SELECT 1", parameters: {}, body: "" });
        return true;
      } catch {
        return false;
      }
    },
  };
}

/** What neither a tab-separated value nor a literal of ClickHouse may hold as it is. */
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
  "\0": "\\0",
};

const escaped = (text: string): string =>
  text.replace(/[\\\t\n\r\0]/g, (one) => ESCAPES[one] ?? one);

/** A single value travels as a tab-separated one; a list as a literal, whose texts are quoted. */
function parameterText(value: LakeParameters[string]): string {
  if (typeof value !== "object") return escaped(String(value));
  const items = value.map((item) =>
    typeof item === "number" ? String(item) : `'${escaped(item).replaceAll("'", "''")}'`,
  );
  return `[${items.join(",")}]`;
}

function send(
  target: LakeTarget,
  given: { sql: string; parameters: LakeParameters; body: string },
): Promise<string> {
  const search = new URLSearchParams({ query: given.sql, default_format: "JSONEachRow" });
  for (const [name, value] of Object.entries(given.parameters)) {
    search.set(`param_${name}`, parameterText(value));
  }
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new LakeError(error.message, true));
    const outgoing = requestTo(target, `/?${search}`);
    outgoing.on("response", (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) outgoing.destroy(new Error("The lake's answer is too large"));
        else chunks.push(chunk);
      });
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (answer.statusCode === 200) resolve(text);
        else reject(new LakeError(text.slice(0, 500), answer.statusCode === 503));
      });
      answer.on("error", fail);
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("The lake did not answer in time")));
    outgoing.on("error", fail);
    outgoing.end(given.body);
  });
}

function requestTo(target: LakeTarget, path: string): http.ClientRequest {
  const options = { method: "POST", path, timeout: QUERY_TIMEOUT_MS };
  if ("socketPath" in target) return http.request({ ...options, socketPath: target.socketPath });
  const url = new URL(target.url);
  const search = url.search === "" ? path : `${path}&${url.search.slice(1)}`;
  const secure = url.protocol === "https:";
  return (secure ? https : http).request({
    ...options,
    path: search,
    hostname: url.hostname,
    port: url.port,
    ...(url.username === "" ? {} : { auth: `${url.username}:${url.password}` }),
  });
}
