import * as engine from "/work/waf/src/engines/seclang/engine.ts";
import { loadRuleset } from "/work/waf/src/kernel/rules/load.ts";

const RULES = "/usr/share/modsecurity-crs/rules";
const browser: Record<string, string> = {
  Host: "bench.localhost",
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language": "en-US,en;q=0.5",
  "Accept-Encoding": "gzip, deflate, br",
  Referer: "https://bench.localhost/list?page=2",
  Cookie: "sid=8f3a9c2d1e; theme=dark; lang=en; cart=3; seen=1",
  "Upgrade-Insecure-Requests": "1",
  "Sec-Fetch-Dest": "document",
  "Cache-Control": "max-age=0",
};
const words = [
  "green",
  "tea",
  "price",
  "house",
  "river",
  "stone",
  "cloud",
  "paper",
  "light",
  "table",
  "winter",
  "summer",
  "orange",
  "garden",
  "window",
  "market",
  "letter",
  "number",
  "bridge",
  "forest",
];
const w = (n: number, k: number) => words[(n * 7 + k * 13) % words.length] + ((n * 31 + k) % 9973);
const form = (n: number) =>
  Array.from(
    { length: 10 },
    (_, at) =>
      `field${at}=${Array.from({ length: 16 }, (_, k) => w(n + at, k))
        .join("+")
        .slice(0, 95)}${at}`,
  ).join("&");
const json = (n: number) =>
  JSON.stringify({
    items: Array.from({ length: 56 }, (_, id) => ({
      id: id + n,
      name: `product ${w(n, id)} ${id}`,
      price: (id + n) * 1.5,
      tags: "green tea",
    })),
  });
const cases = {
  simple: (_n: number) => [
    "GET",
    "/",
    { Host: "bench.localhost", "User-Agent": "Mozilla/5.0", Accept: "*/*" },
    "",
  ],
  realistic: (n: number) => [
    "GET",
    `/search?q=${w(n, 1)}+${w(n, 2)}&page=${n % 50}&sort=price&dir=asc&ref=home&session=a8f${n}c2`,
    { ...browser, Cookie: `sid=8f3a${n}d1e; theme=dark; lang=en; cart=3; seen=1` },
    "",
  ],
  form: (n: number) => [
    "POST",
    "/order",
    { ...browser, "Content-Type": "application/x-www-form-urlencoded", "Content-Length": "1000" },
    form(n),
  ],
  json: (n: number) => [
    "POST",
    "/api/items",
    { ...browser, "Content-Type": "application/json", "Content-Length": "4000" },
    json(n),
  ],
  sqli: (n: number) => [
    "GET",
    `/product?id=${n}%27%20or%20%27${n}%27=%27${n}%20--%20`,
    browser,
    "",
  ],
} as any;
const rs = loadRuleset({ setupFile: "/etc/modsecurity/crs/crs-setup.conf", rulesFolder: RULES });
const one = (r: any[], n: number) => {
  const t = engine.beginTransaction(
    rs,
    {
      remoteAddress: "127.0.0.1",
      remotePort: 1,
      serverAddress: "127.0.0.1",
      serverPort: 80,
      uniqueId: `x${n}`,
      timeMs: Date.now(),
    },
    {
      engine: "on",
      variables: new Map([
        ["paranoia_level", "1"],
        ["executing_paranoia_level", "1"],
        ["blocking_paranoia_level", "1"],
        ["detection_paranoia_level", "1"],
        ["inbound_anomaly_score_threshold", "5"],
        ["outbound_anomaly_score_threshold", "4"],
      ]),
    },
  );
  t.requestLine(r[0], r[1], "HTTP/1.1", `${r[0]} ${r[1]} HTTP/1.1`);
  const v = t.requestHeaders(Object.keys(r[2]), Object.values(r[2])) ?? t.requestBody(r[3]);
  if (v === undefined) {
    t.responseHeaders(200, "HTTP/1.1", ["Content-Type"], ["text/plain"]);
    t.responseBody("hello, this is the page");
  }
  t.finish();
  return v;
};
const only = process.argv[2];
for (const [name, make] of Object.entries(cases) as any) {
  if (only && only !== name) continue;
  const N = name === "json" ? 400 : 3000;
  const reqs = Array.from({ length: N }, (_, n) => make(n));
  for (let n = 0; n < N; n++) one(reqs[n], n);
  const rounds = only ? 5 : 2;
  let best = 1e9;
  for (let k = 0; k < rounds; k++) {
    const fresh = Array.from({ length: N }, (_, n) => make(n + (k + 1) * N));
    const c0 = process.cpuUsage();
    let blocked = 0;
    for (let n = 0; n < N; n++) if (one(fresh[n], n)) blocked++;
    const c = process.cpuUsage(c0);
    best = Math.min(best, (c.user + c.system) / N);
    if (k === rounds - 1)
      console.log(name.padEnd(10), best.toFixed(1), "µs", "blocked", blocked / N);
  }
}
