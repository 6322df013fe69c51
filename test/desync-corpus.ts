/**
 * Requests on whose end two servers may disagree: CL.TE, TE.CL, TE.TE, CL.0, 0.CL and their
 * disguises. `{path}` is the case's own path, `{hidden}` that of the request within. Test data.
 */
import { refusedRequests } from "../src/engines/http1/refused-corpus.ts";

const inner = "GET {hidden} HTTP/1.1\r\nHost: a.test\r\n\r\n";
const post = (fields: string, body: string): string =>
  `POST {path} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n${body}`;

/** Ways to write Transfer-Encoding that some server, somewhere, took or took not for chunked. */
const disguises = [
  ...["Transfer-Encoding: chunked", "TRANSFER-ENCODING: CHUNKED", "transfer-encoding:chunked"],
  ...["Transfer-Encoding : chunked", " Transfer-Encoding: chunked", "\tTransfer-Encoding: chunked"],
  ...[
    "Transfer-Encoding:\tchunked",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding: \x0cchunked",
  ],
  ...["Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx", "Transfer-Encoding: 'chunked'"],
  ...['Transfer-Encoding: "chunked"', "Transfer-Encoding: chunked;x", "Transfer-Encoding: chunk"],
  ...["Transfer-Encoding: identity", "Transfer-Encoding: identity, chunked"],
  ...["Transfer-Encoding: chunked, identity", "Transfer-Encoding: chunked, chunked"],
  ...[
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding: ,chunked",
  ],
  ...["Transfer-Encoding:", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x"],
  ...["Transfer-Encoding: x\r\nTransfer-Encoding: chunked", "X: y\nTransfer-Encoding: chunked"],
  ...["X: y\rTransfer-Encoding: chunked", "Transfer-Encoding\r\n : chunked"],
  ...[
    "Transfer-Encoding:\r\n chunked",
    "Transfer_Encoding: chunked",
    "Transfer-Encoding\0: chunked",
  ],
  ...[
    "Transfer-Encoding: chunked\0",
    "\0Transfer-Encoding: chunked",
    "Transfer-\xadEncoding: chunked",
  ],
  ...[
    "Transfer-Encoding: chunked\x85",
    "Transfer-Encoding: \xa0chunked",
    "Transfer-Encoding; chunked",
  ],
  ...["Connection: transfer-encoding\r\nTransfer-Encoding: chunked"],
];

/** Ways to write a Content-Length of `{n}`. */
const lengths = [
  ...[
    "Content-Length: {n}",
    "Content-Length : {n}",
    "Content-Length: +{n}",
    "Content-Length: {n} ",
  ],
  ...[
    "Content-Length: 0{n}",
    "Content-Length: {n},{n}",
    "Content-Length: {n}\r\nContent-Length: {n}",
  ],
  ...["Content-Length: 0\r\nContent-Length: {n}", "Content-Length: {n}\r\nContent-Length: 0"],
  ...[
    "Content-Length: {n}.0",
    "Content-Length: 0x{n}",
    "Content-Length: {n}\0",
    "Content-Length:\x0b{n}",
  ],
  ...[
    "Content_Length: {n}",
    "Content-Length\t: {n}",
    "Connection: Content-Length\r\nContent-Length: {n}",
  ],
  ...["X: y\nContent-Length: {n}", "Content-Length: 1 {n}", "Content-Length: {n}\r\n 1"],
];

const chunkings = [
  ...["0\r\n\r\n", "0\n\n", "0\r\n\n", "0;x\r\n\r\n", "0;\n\r\n\r\n", "0 \r\n\r\n", "00\r\n\r\n"],
  ...[
    "-0\r\n\r\n",
    "0x0\r\n\r\n",
    "1\r\nZ\r\n0\r\n\r\n",
    "1\r\nZZ\r\n0\r\n\r\n",
    "1\r\nZ0\r\n\r\n",
  ],
  ...[
    "1\nZ\n0\n\n",
    '1;a="\r\n"\r\nZ\r\n0\r\n\r\n',
    "1\r\rZ\r\n0\r\n\r\n",
    "100000001\r\nZ\r\n0\r\n\r\n",
  ],
  ...[
    "fffffffffffffffff\r\nZ\r\n",
    "0\r\nContent-Length: 50\r\n\r\n",
    "0\r\nX: y\n\r\n",
    "0\r\nX\r\n\r\n",
  ],
];

const others = [
  `GET {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {n}\r\n\r\n${inner}`,
  `HEAD {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {n}\r\n\r\n${inner}`,
  `OPTIONS {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {n}\r\n\r\n${inner}`,
  `GET {path} HTTP/1.0\r\nHost: a.test\r\nContent-Length: {n}\r\n\r\n${inner}`,
  `POST {path} HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
  `POST {path} HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: {n}\r\n\r\n${inner}`,
  `POST {path} HTTP/1.1\r\nHost: a.test\r\nExpect: x 100-continue\r\nContent-Length: {n}\r\n\r\n${inner}`,
  `GET {path} HTTP/1.1\r\nHost: a.test\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMA\r\n\r\n${inner}`,
  `GET {path} HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 777\r\n\r\n${inner}`,
  `GET {path}\r\nHost: a.test\r\n\r\n${inner}`,
  `GET {path} HTTP/1.1\nHost: a.test\n\n${inner}`,
  `GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n\r\n\r\n${inner}`,
  `GET {path} HTTP/1.1 x\r\nHost: a.test\r\n\r\n${inner}`,
  `GET  {path} HTTP/1.1\r\nHost: a.test\r\n\r\n${inner}`,
  `GET {path}%0d%0aX: HTTP/1.1\r\nHost: a.test\r\n\r\n${inner}`,
  `GET http://b.test{path} HTTP/1.1\r\nHost: a.test\r\n\r\n${inner}`,
  `GET {path} HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n${inner}`,
];

export type DesyncCase = { readonly title: string; readonly bytes: string };

/** Every case, its paths `/case-N` and `/hidden-N`; the length is that of what is hidden. */
export function desyncCases(): DesyncCase[] {
  const cases: (readonly [string, string])[] = [];
  for (const [at, te] of disguises.entries()) {
    cases.push([`CL.TE ${at}`, post(`Content-Length: {n}\r\n${te}\r\n`, `0\r\n\r\n${inner}`)]);
    cases.push([
      `TE.CL ${at}`,
      post(`${te}\r\nContent-Length: 4\r\n`, `{hex}\r\n${inner}\r\n0\r\n\r\n`),
    ]);
    cases.push([`TE.0 ${at}`, post(`${te}\r\n`, `0\r\n\r\n${inner}`)]);
    cases.push([
      `TE.TE ${at}`,
      post(`Transfer-Encoding: chunked\r\n${te}\r\n`, `0\r\n\r\n${inner}`),
    ]);
  }
  for (const [at, length] of lengths.entries()) {
    cases.push([`CL.0 ${at}`, post(`${length}\r\n`, inner)]);
    const both = `${length}\r\nTransfer-Encoding: chunked\r\n`;
    cases.push([`CL.CL ${at}`, post(both, `0\r\n\r\n${inner}`)]);
  }
  for (const [at, chunks] of chunkings.entries()) {
    cases.push([`chunks ${at}`, post("Transfer-Encoding: chunked\r\n", `${chunks}${inner}`)]);
  }
  for (const [at, text] of others.entries()) cases.push([`other ${at}`, text]);
  for (const [title, { bytes }] of refusedRequests) cases.push([title, `${bytes}${inner}`]);
  return cases.map(([title, text], at) => {
    const hidden = inner.replace("{hidden}", `/hidden-${at}`);
    const bytes = text
      .replaceAll("{path}", `/case-${at}`)
      .replaceAll("{hidden}", `/hidden-${at}`)
      .replaceAll("{n}", String(hidden.length))
      .replaceAll("{hex}", hidden.length.toString(16));
    return { title, bytes };
  });
}
