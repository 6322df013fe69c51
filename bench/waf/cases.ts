/** The requests of the WAF measurement, and the script by which wrk sends them. */

/** A request; `{n}` in it counts up, so that each is another one. */
export type Case = {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether the rules let it through; else they refuse it. */
  readonly passes: boolean;
};

export const HOST = "bench.localhost";

const browser: Readonly<Record<string, string>> = {
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language": "en-US,en;q=0.5",
  "Accept-Encoding": "gzip, deflate, br",
  Referer: "https://bench.localhost/list?page=2",
  Cookie: "sid=8f3a9c{n}; theme=dark; lang=en; cart=3; seen=1",
  "Upgrade-Insecure-Requests": "1",
  "Sec-Fetch-Dest": "document",
  "Cache-Control": "max-age=0",
};
const form = Array.from(
  { length: 10 },
  (_, at) => `field${at}=${`some+words{n}+of+text+${at}+`.repeat(4)}{n}`,
).join("&");
const items = Array.from({ length: 56 }, (_, id) => ({
  id,
  name: `product number {n}${id}`,
  price: id * 1.5,
  tags: "green tea",
}));
const UPLOAD_BYTES = 1_048_576;
const boundary = "----bench7MA4YWxkTrZu0gW";
const upload =
  `--${boundary}\r\nContent-Disposition: form-data; name="picture"; filename="tea{n}.png"\r\n` +
  `Content-Type: image/png\r\n\r\n${"0123456789abcdefghijklmnopqrstuv".repeat(UPLOAD_BYTES / 32)}` +
  `\r\n--${boundary}--\r\n`;

export const simpleGet: Case = {
  name: "simple GET",
  method: "GET",
  path: "/",
  headers: { "User-Agent": "Mozilla/5.0", Accept: "*/*" },
  body: "",
  passes: true,
};
export const realisticGet: Case = {
  name: "realistic GET",
  method: "GET",
  path: "/search?q=green+tea&page=2&sort=price&dir=asc&ref=home&session=a8f3c{n}",
  headers: browser,
  body: "",
  passes: true,
};
export const jsonPost: Case = {
  name: "JSON 4 KB",
  method: "POST",
  path: "/api/items",
  headers: { ...browser, "Content-Type": "application/json" },
  body: JSON.stringify({ items }),
  passes: true,
};
export const cases: readonly Case[] = [
  simpleGet,
  realisticGet,
  {
    name: "form 1 KB",
    method: "POST",
    path: "/order",
    headers: { ...browser, "Content-Type": "application/x-www-form-urlencoded" },
    body: form,
    passes: true,
  },
  jsonPost,
  {
    name: "blocked SQLi",
    method: "GET",
    path: "/product?id={n}%27%20or%20%271%27=%271%20--%20",
    headers: browser,
    body: "",
    passes: false,
  },
  {
    name: "upload 1 MB",
    method: "POST",
    path: "/upload",
    headers: { ...browser, "Content-Type": `multipart/form-data; boundary=${boundary}` },
    body: upload,
    passes: true,
  },
];

/** wrk's script for a case; `delayMs` between the requests of a connection. */
export function scriptOf({ method, path, headers, body }: Case, delayMs: number): string {
  const fields = Object.entries({ Host: HOST, ...headers }).map(
    ([name, value]) => `[${JSON.stringify(name)}] = fill(${JSON.stringify(value)})`,
  );
  return [
    "local n = 0",
    "local function fill(text) return (text:gsub('{n}', n)) end",
    "function request()",
    "  n = n + 1",
    `  local headers = { ${fields.join(", ")} }`,
    `  local path, body = fill(${JSON.stringify(path)}), fill(${JSON.stringify(body)})`,
    `  return wrk.format("${method}", path, headers, body)`,
    "end",
    ...(delayMs > 0
      ? [`function delay() return math.random(0, ${Math.round(delayMs * 2)}) end`]
      : []),
  ].join("\n");
}
