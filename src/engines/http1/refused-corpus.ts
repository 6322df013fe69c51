/**
 * Requests that must be refused, each with the fault: test data for parser, gateway and fuzzers.
 */
import type { FaultKind } from "./fault.ts";

export type RefusedRequest = { readonly bytes: string; readonly fault: FaultKind };

const get = (fields: string): string => `GET /a HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`;
const post = (fields: string, body: string): string =>
  `POST /a HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n${body}`;
const chunked = (body: string): string => post("Transfer-Encoding: chunked\r\n", body);

/** [title, bytes (latin1), fault]; the titles say what the sender tries. */
const corpus: readonly (readonly [string, string, FaultKind])[] = [
  [
    "two Content-Length",
    post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
    "duplicateContentLength",
  ],
  [
    "two equal Content-Length",
    post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
    "duplicateContentLength",
  ],
  ["a Content-Length list", post("Content-Length: 5, 5\r\n", "hello"), "duplicateContentLength"],
  ["a signed Content-Length", post("Content-Length: +5\r\n", "hello"), "invalidContentLength"],
  ["a negative Content-Length", post("Content-Length: -5\r\n", "hello"), "invalidContentLength"],
  [
    "a hexadecimal Content-Length",
    post("Content-Length: 0x5\r\n", "hello"),
    "invalidContentLength",
  ],
  ["an empty Content-Length", post("Content-Length:\r\n", "hello"), "invalidContentLength"],
  [
    "a Content-Length beyond 2^53",
    post("Content-Length: 99999999999999999999\r\n", ""),
    "invalidContentLength",
  ],
  [
    "Content-Length with Transfer-Encoding",
    post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "contentLengthWithTransferEncoding",
  ],
  [
    "Transfer-Encoding with Content-Length",
    post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
    "contentLengthWithTransferEncoding",
  ],
  [
    "an unknown coding",
    post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
    "unsupportedTransferEncoding",
  ],
  ["identity coding", post("Transfer-Encoding: identity\r\n", ""), "unsupportedTransferEncoding"],
  [
    "two codings",
    post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
    "unsupportedTransferEncoding",
  ],
  [
    "chunked twice",
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "unsupportedTransferEncoding",
  ],
  [
    "a coding behind a vertical tab",
    post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"),
    "invalidFieldValue",
  ],
  ["an empty coding", post("Transfer-Encoding:\r\n", ""), "unsupportedTransferEncoding"],
  [
    "chunked in HTTP/1.0",
    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "transferEncodingInHttp10",
  ],
  ["a folded field", get("X: a\r\n b\r\n"), "obsFold"],
  ["a folded coding", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), "obsFold"],
  ["a space before the first field", "GET / HTTP/1.1\r\n Host: a.test\r\n\r\n", "obsFold"],
  ["a bare CR in a value", get("X: a\rTransfer-Encoding: chunked\r\n"), "bareCr"],
  ["a bare LF after a field", get("X: a\nContent-Length: 5\r\n"), "bareLf"],
  ["a bare LF after the request line", "GET / HTTP/1.1\nHost: a.test\r\n\r\n", "bareLf"],
  ["a bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a.test\r\n\n", "bareLf"],
  ["LF only", "GET / HTTP/1.1\nHost: a.test\n\n", "bareLf"],
  ["a bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: a.test\r\n\r\n", "bareCr"],
  ["a bare CR before the request line", "\rGET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "bareCr"],
  ["a bare LF before the request line", "\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "bareLf"],
  [
    "many empty lines first",
    `${"\r\n".repeat(9)}GET / HTTP/1.1\r\nHost: a.test\r\n\r\n`,
    "leadingGarbage",
  ],
  ["NUL in a value", get("X: a\0b\r\n"), "nul"],
  ["NUL in a name", get("X\0: a\r\n"), "nul"],
  ["NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a.test\r\n\r\n", "nul"],
  ["a control byte in a value", get("X: a\x01b\r\n"), "invalidFieldValue"],
  ["DEL in a value", get("X: a\x7fb\r\n"), "invalidFieldValue"],
  ["a space before the colon", post("Content-Length : 5\r\n", "hello"), "spaceBeforeColon"],
  [
    "a tab before the colon",
    post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n"),
    "spaceBeforeColon",
  ],
  ["a space in a name", get("X Y: a\r\n"), "invalidFieldName"],
  ["a name above 0x7F", get("X\xe9: a\r\n"), "invalidFieldName"],
  ["an empty name", get(": a\r\n"), "invalidFieldName"],
  ["a line without a colon", get("X\r\n"), "missingColon"],
  ["no Host", "GET / HTTP/1.1\r\nX: a\r\n\r\n", "missingHost"],
  ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "missingHost"],
  ["two Host", get("Host: b.test\r\n"), "duplicateHost"],
  ["two equal Host", get("Host: a.test\r\n"), "duplicateHost"],
  ["a Host with userinfo", "GET / HTTP/1.1\r\nHost: u@a.test\r\n\r\n", "invalidHost"],
  ["a Host with a path", "GET / HTTP/1.1\r\nHost: a.test/b\r\n\r\n", "invalidHost"],
  ["a Host list", "GET / HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n", "invalidHost"],
  ["a Host with a bad port", "GET / HTTP/1.1\r\nHost: a.test:0x50\r\n\r\n", "invalidHost"],
  ["a Host with port 65536", "GET / HTTP/1.1\r\nHost: a.test:65536\r\n\r\n", "invalidHost"],
  [
    "a target that contradicts Host",
    "GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "hostMismatch",
  ],
  [
    "a target that contradicts the port of Host",
    "GET http://a.test:81/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "hostMismatch",
  ],
  [
    "an absolute target with userinfo",
    "GET http://u@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "invalidTarget",
  ],
  ["another scheme", "GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", "invalidTarget"],
  ["a target without a slash", "GET a HTTP/1.1\r\nHost: a.test\r\n\r\n", "invalidTarget"],
  ["an asterisk for GET", "GET * HTTP/1.1\r\nHost: a.test\r\n\r\n", "invalidTarget"],
  ["a space in the target", "GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n", "invalidTarget"],
  ["a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a.test\r\n\r\n", "invalidTarget"],
  [
    "a byte above 0x7E in the target",
    "GET /\xe9 HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "invalidTarget",
  ],
  ["CONNECT without a port", "CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n", "invalidTarget"],
  ["two spaces after the method", "GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n", "invalidTarget"],
  ["a tab after the method", "GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n", "invalidMethod"],
  ["a method that is no token", "G(T / HTTP/1.1\r\nHost: a.test\r\n\r\n", "invalidMethod"],
  ["a space before the method", " GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "invalidMethod"],
  ["no version", "GET /\r\nHost: a.test\r\n\r\n", "invalidStartLine"],
  ["a space after the version", "GET / HTTP/1.1 \r\nHost: a.test\r\n\r\n", "invalidStartLine"],
  ["a lower-case protocol", "GET / http/1.1\r\nHost: a.test\r\n\r\n", "invalidStartLine"],
  ["HTTP/0.9", "GET / HTTP/0.9\r\nHost: a.test\r\n\r\n", "invalidStartLine"],
  ["HTTP/1.2", "GET / HTTP/1.2\r\nHost: a.test\r\n\r\n", "unsupportedVersion"],
  ["HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "unsupportedVersion"],
  ["HTTP/1.10", "GET / HTTP/1.10\r\nHost: a.test\r\n\r\n", "invalidStartLine"],
  [
    "Connection that nominates Host",
    get("Connection: close, Host\r\n"),
    "connectionNominatesFraming",
  ],
  [
    "Connection that nominates Content-Length",
    get("Connection: Content-Length\r\n"),
    "connectionNominatesFraming",
  ],
  ["chunk size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n"), "invalidChunkSize"],
  ["chunk size with +", chunked("+5\r\nhello\r\n0\r\n\r\n"), "invalidChunkSize"],
  ["chunk size with -", chunked("-5\r\nhello\r\n0\r\n\r\n"), "invalidChunkSize"],
  [
    "chunk size that overflows",
    chunked("FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
    "invalidChunkSize",
  ],
  ["chunk size with a space before", chunked(" 5\r\nhello\r\n0\r\n\r\n"), "invalidChunkSize"],
  ["chunk size with a space after", chunked("5 \r\nhello\r\n0\r\n\r\n"), "invalidChunkSize"],
  ["chunk size with an underscore", chunked("1_0\r\nhello\r\n0\r\n\r\n"), "invalidChunkSize"],
  ["an empty chunk size", chunked("\r\nhello\r\n0\r\n\r\n"), "invalidChunkSize"],
  ["chunk size ended by LF", chunked("5\nhello\r\n0\r\n\r\n"), "bareLf"],
  ["chunk size ended by CR", chunked("5\rhello\r\n0\r\n\r\n"), "bareCr"],
  ["chunk longer than its size", chunked("4\r\nhello\r\n0\r\n\r\n"), "invalidChunkEnd"],
  ["chunk ended by LF", chunked("5\r\nhello\n0\r\n\r\n"), "invalidChunkEnd"],
  ["a space in an extension", chunked("5 ;a=b\r\nhello\r\n0\r\n\r\n"), "invalidChunkSize"],
  ["an extension without a name", chunked("5;\r\nhello\r\n0\r\n\r\n"), "invalidChunkExtension"],
  ["LF in an extension", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"), "bareLf"],
  ["NUL in an extension", chunked("5;a=\0\r\nhello\r\n0\r\n\r\n"), "invalidChunkExtension"],
  ["an endless chunk line", chunked(`5;${"a".repeat(400)}`), "chunkLineTooLong"],
  ["a trailer ended by LF", chunked("0\r\nX: a\n\r\n"), "bareLf"],
  ["a bare CR in a trailer", chunked("0\r\nX: a\rb\r\n\r\n"), "bareCr"],
  ["a folded trailer", chunked("0\r\nX: a\r\n b\r\n\r\n"), "obsFold"],
  [
    "a trailer that sets Content-Length",
    chunked("0\r\nX: a\r\ncontent-LENGTH: 5\r\n\r\n"),
    "forbiddenTrailer",
  ],
  [
    "a trailer that sets Transfer-Encoding",
    chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "forbiddenTrailer",
  ],
  ["a trailer that sets Host", chunked("0\r\nHost: evil.test\r\n\r\n"), "forbiddenTrailer"],
  ["endless trailers", chunked(`0\r\nX: ${"a".repeat(9_000)}`), "trailersTooLarge"],
  ["many trailers", chunked(`0\r\n${"X: a\r\n".repeat(64)}\r\n`), "trailersTooLarge"],
  ["an endless request line", `GET /${"a".repeat(40_000)}`, "startLineTooLong"],
  ["an endless header section", get(`X: ${"a".repeat(40_000)}\r\n`), "headTooLarge"],
  ["a header flood", get("X: a\r\n".repeat(200)), "tooManyFields"],
];

/** The corpus by title. */
export const refusedRequests: ReadonlyMap<string, RefusedRequest> = new Map(
  corpus.map(([title, bytes, fault]) => [title, { bytes, fault }]),
);
