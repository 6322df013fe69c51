/**
 * A deliberately vulnerable shop for the demo and the tests: every hole is a real one, reached
 * through a real database in memory. It listens on loopback only.
 */
import { existsSync, readFileSync } from "node:fs";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const BODY_BYTES_MAX = 1_048_576;

type Shop = { readonly database: DatabaseSync; readonly comments: string[] };

function openShop(): Shop {
  const database = new DatabaseSync(":memory:");
  database.exec(`
    create table product (id integer primary key, name text, price integer);
    create table customer (id integer primary key, name text, email text, password text);
    insert into product (name, price) values ('Teapot', 3900), ('Kettle', 5400),
      ('Tea cup', 900), ('Green tea', 1200), ('Sieve', 700);
    insert into customer (name, email, password) values
      ('first customer', 'first@shop.example', 'sakura-2024'),
      ('second customer', 'second@shop.example', 'letmein!'),
      ('third customer', 'third@shop.example', 'tea4two');
  `);
  return { database, comments: [] };
}

/** Starts the shop. @returns its port and how to stop it. */
export async function startShop(port = 0): Promise<{ port: number; stop(): Promise<void> }> {
  const shop = openShop();
  const server = http.createServer((request, response) => {
    answer(shop, request, response).catch((error: unknown) => {
      // An error page that tells the attacker everything: one of the holes.
      response.writeHead(500, { "content-type": "text/plain" });
      response.end(error instanceof Error ? error.message : String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(shop: Shop, request: IncomingMessage, response: ServerResponse) {
  const url = new URL(request.url ?? "/", "http://shop");
  const body = await readBody(request);
  switch (url.pathname) {
    case "/":
      return page(response, "Tea shop", list(shop, "select id, name, price from product"));
    case "/product":
      // SQL injection: the id goes into the statement as it comes.
      return page(
        response,
        "Product",
        list(shop, `select id, name, price from product where id = ${url.searchParams.get("id")}`),
      );
    case "/search": {
      const wanted = url.searchParams.get("q") ?? "";
      const rows = list(shop, `select id, name, price from product where name like '%${wanted}%'`);
      // Reflected script: the query comes back unescaped.
      return page(response, `Results for ${wanted}`, rows);
    }
    case "/comments":
      if (request.method === "POST")
        shop.comments.push(new URLSearchParams(body).get("text") ?? "");
      return page(response, "Comments", shop.comments.map((text) => `<p>${text}</p>`).join(""));
    case "/manual":
      return file(response, url.searchParams.get("file") ?? "README.md");
    default:
      response.writeHead(404);
      response.end("not found");
  }
}

function list({ database }: Shop, sql: string): string {
  const rows = database.prepare(sql).all();
  return rows.map((row) => `<li>${Object.values(row).map(String).join(" · ")}</li>`).join("\n");
}

/** Path traversal: the name is joined as it comes. */
function file(response: ServerResponse, name: string): void {
  const path = join(import.meta.dirname, name);
  if (!existsSync(path)) {
    response.writeHead(404);
    response.end("no such manual");
    return;
  }
  const text = readFileSync(path);
  response.writeHead(200, { "content-type": "text/plain" });
  response.end(text);
}

function page(response: ServerResponse, title: string, content: string): void {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  response.end(`<!doctype html><html lang="en"><title>Shop</title><h1>${title}</h1>
<form action="/search"><input name="q"><button>Search</button></form><ul>${content}</ul></html>`);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) throw new Error("too large");
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString("utf8");
}

if (import.meta.main) {
  const at = process.argv.indexOf("--port");
  const { port } = await startShop(at === -1 ? 3000 : Number(process.argv[at + 1]));
  process.stdout.write(`shop on http://127.0.0.1:${port}\n`);
}
