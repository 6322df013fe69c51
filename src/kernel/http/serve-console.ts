/** The console on the listener of the API: one page for every place in it, and its parts. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Problem } from "../problem.ts";
import { type ConsoleFile, openConsoleFiles, takesBrotli } from "./console-files.ts";

const NOT_BUILT = `<!doctype html><html lang="en"><title>Cordon</title>
<p>The console is not built. Run <code>./cordon up</code>, which builds it; the API answers below
<a href="/v1/openapi.json">/v1</a>.</p></html>`;

/** Serves the built console of a folder; undefined says that it is not built. */
export async function serveConsole(
  server: FastifyInstance,
  folder: string | undefined,
): Promise<void> {
  const files = folder === undefined ? undefined : await openConsoleFiles(folder);
  server.setNotFoundHandler(async (request, reply) => {
    const [path = "/"] = (request.raw.url ?? "").split("?");
    const reads = request.method === "GET" || request.method === "HEAD";
    if (path.startsWith("/v1") || !reads) throw new Problem("kernel.routeNotFound");
    const file = await files?.fileAt(path);
    if (file !== undefined) return sendFile(request, reply, file);
    // A page instead of a part would only be told of as a part of the wrong type.
    if (path.startsWith("/assets/")) throw new Problem("kernel.routeNotFound");
    return reply.header("cache-control", "no-cache").type("text/html").send(NOT_BUILT);
  });
}

function sendFile(request: FastifyRequest, reply: FastifyReply, file: ConsoleFile): FastifyReply {
  const { type, etag, cacheControl, body, brotli } = file;
  reply.header("cache-control", cacheControl).header("etag", etag);
  reply.header("vary", "accept-encoding");
  if (request.headers["if-none-match"] === etag) return reply.code(304).send();
  reply.type(type).code(200);
  if (brotli === undefined || !takesBrotli(request.headers["accept-encoding"])) {
    return reply.send(body);
  }
  return reply.header("content-encoding", "br").send(brotli);
}
