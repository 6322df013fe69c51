/** Clients that are gone before they are accepted: what they sent must not count as nobody's. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { exchangeRaw, intentOf, siteFor, startOrigin, startTestWorker } from "./test-kit.ts";

/** Sends a request and resets the connection. */
const SENDER = `
const socket = require("node:net").connect(Number(process.argv[1]), "127.0.0.1", () =>
  socket.write(process.argv[2], () => socket.resetAndDestroy()),
);
`;

test("what a client sent that reset the connection before it was accepted reaches no site", async () => {
  const asked: (string | undefined)[] = [];
  const origin = await startOrigin((request, response) => {
    asked.push(request.url);
    response.end("ok");
  });
  const { worker, events } = await startTestWorker();
  try {
    worker.apply(intentOf([siteFor([origin.url])]));
    const request = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n`;
    // The gateway runs in this process, which waits here: it accepts when all is over.
    for (let sent = 0; sent < 3; sent += 1) {
      execFileSync(process.execPath, ["-e", SENDER, String(worker.httpPort), request("/blind")]);
    }
    await exchangeRaw(
      worker.httpPort,
      request("/seen").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
    );
    expect(asked).toEqual(["/seen"]);
    expect(events.map(({ src_endpoint }) => src_endpoint.ip)).toEqual(["127.0.0.1"]);
  } finally {
    await worker.close(0);
    await origin.close();
  }
});
