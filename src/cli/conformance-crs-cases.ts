/**
 * Reads the regression tests of the Core Rule Set, in the form of version 3 and in that of go-ftw,
 * into the bytes to send and what must follow. It runs nothing.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { transformations } from "../engines/seclang/transformations.ts";

export type Expectation = {
  readonly ids: readonly number[];
  readonly absentIds: readonly number[];
  readonly log: readonly string[];
  readonly absentLog: readonly string[];
  /** Answers that are right; empty = any. */
  readonly statuses: readonly number[];
  readonly error: boolean;
};

export type CrsCase = {
  /** Such as `942100-1`. */
  readonly test: string;
  readonly file: string;
  /** One request for each stage, as latin1. */
  readonly stages: readonly { readonly request: string; readonly expected: Expectation }[];
};

type Fields = Readonly<Record<string, unknown>>;

const limits = { filesMax: 10_000, foldersDeepMax: 4 } as const;

/** Every test below `folder`, in the order of the file names. */
export function readCases(folder: string): CrsCase[] {
  return yamlFiles(folder, 0).flatMap(casesOfFile);
}

function yamlFiles(folder: string, depth: number): string[] {
  if (depth > limits.foldersDeepMax) return [];
  const files: string[] = [];
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...yamlFiles(path, depth + 1));
    else if (/\.ya?ml$/.test(entry.name)) files.push(path);
    if (files.length > limits.filesMax) {
      throw new RangeError(`${folder} has more than ${limits.filesMax} test files`);
    }
  }
  return files;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value))
    : {};
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function textOf(value: unknown): string {
  return value === undefined || value === null ? "" : String(value);
}

/** Text as the bytes that its UTF-8 form has, one character each. */
function bytesOf(value: unknown): string {
  return Buffer.from(textOf(value), "utf8").toString("latin1");
}

function casesOfFile(file: string): CrsCase[] {
  const whole = fieldsOf(parse(readFileSync(file, "utf8"), { logLevel: "silent" }));
  const name = /([^/]+)\.ya?ml$/.exec(file)?.[1] ?? file;
  return listOf(whole.tests).map((one) => {
    const fields = fieldsOf(one);
    const title = fields.test_title ?? `${textOf(whole.rule_id) || name}-${textOf(fields.test_id)}`;
    const stages = listOf(fields.stages).map((given) => {
      const outer = fieldsOf(given);
      const stage = outer.stage === undefined ? outer : fieldsOf(outer.stage);
      return {
        request: requestOf(fieldsOf(stage.input)),
        expected: expectationOf(fieldsOf(stage.output)),
      };
    });
    return { test: textOf(title), file: name, stages };
  });
}

function expectationOf(output: Fields): Expectation {
  const log = fieldsOf(output.log);
  const texts = (...values: unknown[]) => values.flatMap((value) => listOf(value).map(textOf));
  const numbers = (value: unknown) => listOf(value).map(Number);
  const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return {
    ids: numbers(log.expect_ids),
    absentIds: numbers(log.no_expect_ids),
    log: [...texts(output.log_contains).map(literally), ...texts(log.match_regex)],
    absentLog: [...texts(output.no_log_contains).map(literally), ...texts(log.no_match_regex)],
    statuses: numbers(output.status),
    error: output.expect_error === true,
  };
}

/** The request as go-ftw would send it. */
function requestOf(input: Fields): string {
  if (input.encoded_request !== undefined) {
    return Buffer.from(textOf(input.encoded_request), "base64").toString("latin1");
  }
  if (input.raw_request !== undefined) return bytesOf(input.raw_request);
  const headers = Object.entries(fieldsOf(input.headers)).map(([name, value]): [string, string] => [
    bytesOf(name),
    bytesOf(value),
  ]);
  const completes = input.stop_magic !== true && input.autocomplete_headers !== false;
  const data = Array.isArray(input.data)
    ? input.data.map(bytesOf).join("\r\n")
    : bytesOf(input.data);
  const body = completes ? completed(headers, data) : data;
  const method = textOf(input.method ?? "GET");
  const line = `${method} ${bytesOf(input.uri ?? "/")} ${textOf(input.version ?? "HTTP/1.1")}`;
  const lines = [line, ...headers.map(([name, value]) => `${name}: ${value}`), "", ""];
  return lines.join("\r\n") + body;
}

/** Adds the headers that the senders of these tests add, and encodes a form that is not encoded. */
function completed(headers: [string, string][], data: string): string {
  const headerOf = (lowered: string) =>
    headers.find(([name]) => name.toLowerCase() === lowered)?.[1];
  if (headerOf("connection") === undefined) headers.push(["Connection", "close"]);
  if (data === "") return data;
  const type = headerOf("content-type");
  if (type === undefined) headers.push(["Content-Type", "application/x-www-form-urlencoded"]);
  const isForm =
    (type ?? "application/x-www-form-urlencoded") === "application/x-www-form-urlencoded";
  const body = isForm ? encodedForm(data) : data;
  if (headerOf("content-length") === undefined && headerOf("transfer-encoding") === undefined) {
    headers.push(["Content-Length", String(body.length)]);
  }
  return body;
}

/** A form without any escape is encoded before it is sent; another is taken as encoded. */
function encodedForm(data: string): string {
  if (transformations.urldecode?.(data) !== data || data.includes(";")) return data;
  const pair = (text: string) => text.split("=").map(escaped);
  return data
    .split("&")
    .map((part) => {
      const [name = "", ...rest] = pair(part);
      return `${name}=${rest.join("%3D")}`;
    })
    .join("&");
}

function escaped(text: string): string {
  return text.replace(/[^A-Za-z0-9_.~-]/g, (char) =>
    char === " " ? "+" : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
