/**
 * Reads multipart/form-data (RFC 7578, RFC 2046 §5.1) strictly: what two parsers could read
 * differently raises a flag, since that is how uploads are smuggled past inspection.
 */
import type { BodyFault } from "./json.ts";

export const limits = { partsMax: 1_000, headersPerPartMax: 32, filesMax: 200 } as const;

export type MultipartSink = {
  argument(name: string, value: string): void;
  file(name: string, fileName: string, content: string): void;
  /** One raw header line of a part. */
  header(partName: string, line: string): void;
  /** @param value "1" unless the language has more than one. */
  flag(name: string, value?: string): void;
};

/** The boundary of a Content-Type, with what is odd about how it is written. */
function readBoundary(contentType: string, sink: MultipartSink): string | undefined {
  const match = /;\s*boundary(\s*)=(\s*)(?:"([^"]*)"|([^\s";,]+))(.*)$/is.exec(contentType);
  if (match === null) return undefined;
  const [, before = "", after = "", quoted, plain, rest = ""] = match;
  if (before !== "" || after !== "") sink.flag("MULTIPART_BOUNDARY_WHITESPACE");
  if (quoted !== undefined) sink.flag("MULTIPART_BOUNDARY_QUOTED");
  const boundary = quoted ?? plain ?? "";
  // What stands behind it must be another parameter: a server might take it for more of it.
  const tail = /^(\s*)(?:;|$)/.exec(rest);
  if (tail === null) return undefined;
  if (tail[1] !== "") sink.flag("MULTIPART_BOUNDARY_WHITESPACE");
  const second = /;\s*boundary\s*=/i.test(rest);
  if (second || boundary.length > 70 || !/^[\x20-\x7e]+$/.test(boundary)) return undefined;
  return boundary;
}

/** Reads a body; undefined when it could be read. Flags carry the rule language's names. */
export function readMultipart(
  contentType: string,
  body: string,
  sink: MultipartSink,
): BodyFault | undefined {
  const boundary = readBoundary(contentType, sink);
  if (boundary === undefined) return { message: "Multipart: the boundary is missing or malformed" };
  const mark = `--${boundary}`;
  const starts = boundaryLines(body, mark, sink);
  const [first] = starts;
  if (first === undefined) return { message: "Multipart: no part starts with the boundary" };
  if (first.at > 0 && body.slice(0, first.at).trim() !== "") sink.flag("MULTIPART_DATA_BEFORE");
  for (const [index, start] of starts.entries()) {
    if (index >= limits.partsMax)
      return { message: `Multipart: more than ${limits.partsMax} parts` };
    if (start.final) {
      if (body.slice(start.end).trim() !== "") sink.flag("MULTIPART_DATA_AFTER");
      if (index < starts.length - 1) sink.flag("MULTIPART_DATA_AFTER");
      return undefined;
    }
    const next = starts[index + 1];
    const until = next === undefined ? body.length : trimLineEnd(body, start.end, next.at);
    const part = body.slice(start.end, until);
    if (next === undefined && !/\r?\n\r?\n/.test(`\n${part}`)) break;
    const fault = readPart(part, sink);
    if (fault !== undefined) return fault;
  }
  return { message: "Multipart: the final boundary is missing", atEnd: true };
}

type BoundaryLine = { readonly at: number; readonly end: number; readonly final: boolean };

function boundaryLines(body: string, mark: string, sink: MultipartSink): BoundaryLine[] {
  const lines: BoundaryLine[] = [];
  let crlf = false;
  let lf = false;
  let foreignAt = -1;
  for (let at = body.indexOf("--"); at !== -1 && lines.length <= limits.partsMax; ) {
    const lineStart = at === 0 || body.charAt(at - 1) === "\n";
    if (lineStart && body.startsWith(mark, at)) {
      const rest = /^(--)?[ \t]*(\r\n|\n|$)/.exec(
        body.slice(at + mark.length, at + mark.length + 64),
      );
      if (rest === null) foreignAt = at;
      else {
        if (rest[2] === "\r\n") crlf = true;
        if (rest[2] === "\n") lf = true;
        lines.push({ at, end: at + mark.length + rest[0].length, final: rest[1] !== undefined });
      }
    } else if (lineStart && /^--[^\r\n]{1,70}(?:\r?\n|$)/.test(body.slice(at, at + 80))) {
      foreignAt = at;
    }
    at = body.indexOf("--", at + 2);
  }
  if (foreignAt !== -1) {
    // A part that is opened and closed may hold such lines: 2 says that it was.
    const isInside =
      (lines[0]?.at ?? foreignAt) < foreignAt && (lines.at(-1)?.at ?? -1) > foreignAt;
    sink.flag("MULTIPART_UNMATCHED_BOUNDARY", isInside ? "2" : "1");
  }
  if (lf) sink.flag("MULTIPART_LF_LINE");
  if (lf && crlf) sink.flag("MULTIPART_CRLF_LF_LINES");
  return lines;
}

function trimLineEnd(body: string, from: number, end: number): number {
  if (end - 2 >= from && body.startsWith("\r\n", end - 2)) return end - 2;
  return end - 1 >= from && body.charAt(end - 1) === "\n" ? end - 1 : end;
}

function readPart(part: string, sink: MultipartSink): BodyFault | undefined {
  const gap = /\r?\n\r?\n/.exec(
    part.startsWith("\n") || part.startsWith("\r\n") ? `\n${part}` : part,
  );
  if (gap === null) {
    sink.flag("MULTIPART_INVALID_PART");
    return { message: "Multipart: a part has no end of its headers" };
  }
  const lines = part
    .slice(0, gap.index)
    .split(/\r?\n/)
    .filter((line) => line !== "");
  if (lines.length > limits.headersPerPartMax)
    return { message: "Multipart: too many part headers" };
  const headers = unfold(lines, sink);
  const disposition = headers.find((line) => /^content-disposition\s*:/i.test(line));
  const read = disposition === undefined ? undefined : readDisposition(disposition, sink);
  // Rules judge what a part says of itself, whether or not it can be read.
  for (const line of headers) sink.header(read?.name ?? "", line);
  if (!headers.every((line) => /^[!#$%&'*+.^_`|~\w-]+[ \t]*:/.test(line))) {
    sink.flag("MULTIPART_INVALID_PART");
    return { message: "Multipart: a part header has no valid name" };
  }
  if (read === undefined) {
    sink.flag("MULTIPART_INVALID_PART");
    return { message: "Multipart: a part has no valid Content-Disposition" };
  }
  const content = part.slice(gap.index + gap[0].length);
  if (read.isField) sink.argument(read.name, content);
  if (read.fileName !== undefined) sink.file(read.name, read.fileName, content);
  return undefined;
}

function unfold(lines: readonly string[], sink: MultipartSink): string[] {
  const headers: string[] = [];
  for (const line of lines) {
    if (!/^\s/.test(line)) headers.push(line);
    else {
      sink.flag("MULTIPART_HEADER_FOLDING");
      // Only a space or a tab folds (RFC 5322 §2.2.3); a parser that takes any white space is near.
      if (headers.length === 0 || !/^[ \t]/.test(line)) {
        sink.flag("MULTIPART_INVALID_HEADER_FOLDING");
      }
      headers[headers.length - 1] = `${headers.at(-1) ?? ""}${line}`;
    }
  }
  return headers;
}

type Disposition = {
  readonly name: string;
  readonly fileName: string | undefined;
  /** Whether a server may take the part for a field. */
  readonly isField: boolean;
};

const PARAMETER =
  /^\s*(;?)\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([\w-]+'[\w-]*'[^\s;"',]*)|([^\s;"',]*))\s*/;

/** A parameter's text; undefined when its percent encoding is malformed. */
function parameterText(parameter: RegExpExecArray, sink: MultipartSink): string | undefined {
  const [, , key = "", double, single, extended, plain] = parameter;
  if (double !== undefined) return double.replace(/\\(["\\])/g, "$1");
  // `filename*=utf-8''%61.txt` (RFC 8187 §3.2); elsewhere the quotes are none of a parameter's.
  if (extended !== undefined && key.endsWith("*")) {
    const encoded = extended.slice(extended.lastIndexOf("'") + 1);
    if (/%(?![0-9a-f]{2})/i.test(encoded)) return undefined;
    return encoded.replace(/%(..)/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    );
  }
  if (single !== undefined || extended !== undefined) sink.flag("MULTIPART_INVALID_QUOTING");
  return single ?? extended ?? plain ?? "";
}

function readDisposition(line: string, sink: MultipartSink): Disposition | undefined {
  const rest = /^content-disposition\s*:\s*form-data\s*(.*)$/is.exec(line)?.[1];
  if (rest === undefined) return undefined;
  let name: string | undefined;
  let fileName: string | undefined;
  let hasPlainFileName = false;
  let at = 0;
  while (at < rest.length) {
    const parameter = PARAMETER.exec(rest.slice(at));
    if (parameter === null) {
      if (/^[\s;]*$/.test(rest.slice(at))) break;
      sink.flag("MULTIPART_INVALID_QUOTING");
      return undefined;
    }
    const [whole, semicolon, key = ""] = parameter;
    if (semicolon === "") sink.flag("MULTIPART_MISSING_SEMICOLON");
    const value = parameterText(parameter, sink);
    if (value === undefined) return undefined;
    const lowered = key.toLowerCase();
    if (lowered === "name") {
      if (name !== undefined) sink.flag("MULTIPART_INVALID_PART");
      name = value;
    } else if (lowered === "filename" || lowered === "filename*") {
      if (fileName !== undefined) sink.flag("MULTIPART_INVALID_PART");
      fileName = value;
      hasPlainFileName ||= lowered === "filename" && value !== "";
    }
    at += whole.length;
  }
  // Go reads a part with an empty file name as a field, and PHP one with `filename*` alone (which
  // RFC 7578 §4.2 forbids): rules see it as both.
  return name === undefined ? undefined : { name, fileName, isField: !hasPlainFileName };
}
