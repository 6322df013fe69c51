/**
 * A Node that only reads JSON over HTTPS and answers some of the same length, without Cordon: what
 * a call over HTTPS costs at least on this machine, now.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAuthority } from "../src/kernel/pki/authority.ts";

export type BareHttps = { readonly pid: number; readonly port: number; stop(): Promise<void> };

type Certificate = { readonly certificatePem: string; readonly privateKeyPem: string };

/** Starts it as a process of its own. */
export async function startBareHttps(): Promise<BareHttps> {
  const folder = mkdtempSync(join(tmpdir(), "cordon-bare-"));
  const authority = await openAuthority(folder, Date.now);
  const child = fork(import.meta.filename, { stdio: "inherit" });
  child.send(await authority.issueServer(["127.0.0.1"]));
  const [port] = await once(child, "message");
  return {
    pid: child.pid ?? 0,
    port: Number(port),
    async stop() {
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function serve({ certificatePem: cert, privateKeyPem: key }: Certificate): void {
  const server = createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const result: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ result }));
    });
  });
  server.listen(0, "127.0.0.1", () => {
    process.send?.((server.address() as AddressInfo).port);
  });
}

if (process.send !== undefined && process.argv[1] === import.meta.filename) {
  process.once("message", (certificate) => serve(certificate as Certificate));
}
