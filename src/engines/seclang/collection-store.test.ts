import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { createCollectionStore } from "./collection-store.ts";
import { beginTransaction, type CollectionStore, compileRuleset } from "./engine.ts";
import { limits } from "./persistent.ts";

const RULES = `SecCollectionTimeout 600
SecAction "id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}"
SecRule REQUEST_METHOD "@streq POST" "id:2,phase:1,pass,nolog,setvar:ip.tries=+1,expirevar:ip.tries=60"
SecRule IP:tries "@gt 2" "id:3,phase:1,deny,status:429"`;
const ruleset = compileRuleset([{ name: "test.conf", text: RULES }], { dataFile: () => undefined });

type Given = { from: string; atMs: number; method?: string };

function statusOf(store: CollectionStore | undefined, given: Given) {
  const { method = "POST" } = given;
  const transaction = beginTransaction(
    ruleset,
    {
      remoteAddress: given.from,
      remotePort: 40_000,
      serverAddress: "192.0.2.2",
      serverPort: 80,
      uniqueId: "one",
      timeMs: given.atMs,
    },
    store === undefined ? {} : { collections: store },
  );
  transaction.requestLine(method, "/", "HTTP/1.1", `${method} / HTTP/1.1`);
  return transaction.requestHeaders([], [])?.status;
}

test("a rule counts over requests of one client, until the count ends", () => {
  const store = createCollectionStore()("site");
  const ask = (from: string, atMs: number) => statusOf(store, { from, atMs });
  expect([0, 1, 2].map((atMs) => ask("192.0.2.1", atMs))).toEqual([undefined, undefined, 429]);
  expect(ask("192.0.2.9", 3)).toBeUndefined();
  expect(ask("192.0.2.1", 59_000)).toBe(429);
  expect(ask("192.0.2.1", 120_000)).toBeUndefined();
});

/** What `IP:n` is, request by request, each at its time. */
function counts(rules: string, requests: readonly (readonly [number, number])[]): number[] {
  const text = `SecAction "id:1,phase:1,pass,nolog,initcol:ip=x"
    SecRule ARGS:add "@ge 0" "id:2,phase:1,pass,nolog,setvar:ip.n=+%{MATCHED_VAR}"
    ${rules}
    SecRule IP:n "@ge 0" "id:9,phase:1,pass,log,msg:'n'"`;
  const compiled = compileRuleset([{ name: "test.conf", text }], { dataFile: () => undefined });
  const store = createCollectionStore()("site");
  const where = { remoteAddress: "", remotePort: 1, serverAddress: "", serverPort: 80 };
  return requests.map(([atSeconds, add]) => {
    const one = { ...where, uniqueId: "one", timeMs: 1_000_000 + atSeconds * 1_000 };
    const transaction = beginTransaction(compiled, one, { collections: store });
    transaction.requestLine("GET", `/?add=${add}`, "HTTP/1.1", `GET /?add=${add} HTTP/1.1`);
    transaction.requestHeaders([], []);
    return Number(transaction.matches().find(({ ruleId }) => ruleId === 9)?.value ?? -1);
  });
}
const LOWER = `SecAction "id:3,phase:1,pass,nolog,deprecatevar:ip.n=60/300"`;

test("deprecatevar lowers a variable by its amount for each whole period, and never below 0", () => {
  const asked = [
    [0, 100],
    [299, 0],
    [300, 0],
    [599, 0],
    [600, 0],
    [9_000, 0],
  ] as const;
  expect(counts(LOWER, asked)).toEqual([100, 100, 40, 40, 0, 0]);
  const late = [
    [0, 1_000],
    [750, 0],
    [900, 0],
  ] as const;
  expect(counts(LOWER, late)).toEqual([1_000, 880, 820]);
});

test("what is raised in every request falls as well, and from 0 with no time behind it", () => {
  const busy = Array.from({ length: 10 }, (_, at) => [at * 100, 1] as const);
  expect(counts(LOWER.replace("60/", "2/"), busy)).toEqual([1, 2, 3, 2, 3, 4, 3, 4, 5, 4]);
  const rested = [
    [0, 10],
    [300, 0],
    [900, 100],
    [1_199, 0],
    [1_200, 0],
  ] as const;
  expect(counts(LOWER, rested)).toEqual([10, 0, 100, 100, 40]);
});

test("a rate that is none lowers nothing, and a variable that ended begins anew", () => {
  for (const rate of ["", "60", "60/0", "0/300", "x/y"]) {
    expect(
      counts(LOWER.replace("60/300", rate), [
        [0, 100],
        [900, 0],
      ]),
    ).toEqual([100, 100]);
  }
  const ends = `SecAction "id:4,phase:1,pass,nolog,expirevar:ip.n=500"\n${LOWER}`;
  expect(
    counts(ends, [
      [0, 100],
      [600, 70],
      [899, 0],
      [900, 0],
    ]),
  ).toEqual([100, 70, 70, 10]);
  const macro = LOWER.replace("60/300", "%{tx.n}/%{tx.s}").replace(
    "nolog,",
    "nolog,setvar:tx.n=60,setvar:tx.s=300,",
  );
  expect(
    counts(macro, [
      [0, 100],
      [300, 0],
    ]),
  ).toEqual([100, 40]);
});

test("nobody sees another's collections, and without a keeper nothing outlives its request", () => {
  const storeOf = createCollectionStore();
  for (let round = 0; round < 5; round += 1) {
    statusOf(storeOf("one"), { from: "192.0.2.1", atMs: 0 });
    expect(statusOf(undefined, { from: "192.0.2.1", atMs: 0 })).toBeUndefined();
  }
  expect(statusOf(storeOf("two"), { from: "192.0.2.1", atMs: 0 })).toBeUndefined();
});

test("the collection that was unused for longest goes, and one past its time", () => {
  const store = createCollectionStore(2)("site");
  const load = (key: string, nowSeconds: number) =>
    store.load("IP", key, { nowMs: nowSeconds * 1_000, timeoutMs: 100_000 });
  const first = load("a", 0);
  load("b", 0);
  expect(load("a", 1)).toBe(first);
  load("c", 1);
  expect(load("a", 2)).toBe(first);
  const long = "k".repeat(10_000);
  expect(load(long, 2)).toBe(load(long, 2));
  expect(load(long, 200)).not.toBe(load(`${long}k`, 200));
  expect(load("a", 500)).not.toBe(first);
  const busy = load("a", 500);
  // Each use lengthens its time, also those too close to be noted as its last.
  for (let atSeconds = 500; atSeconds < 700; atSeconds += 0.5) {
    expect(load("a", atSeconds)).toBe(busy);
  }
});

test("a request that sets nothing makes no collection, and pushes nobody's out", () => {
  const store = createCollectionStore(2)("site");
  for (let atMs = 0; atMs < 3; atMs += 1) statusOf(store, { from: "192.0.2.1", atMs });
  for (let host = 2; host < 10; host += 1) {
    expect(statusOf(store, { from: `192.0.2.${host}`, atMs: 3, method: "GET" })).toBeUndefined();
  }
  expect(statusOf(store, { from: "192.0.2.1", atMs: 4 })).toBe(429);
});

test("what is kept of a request does not keep the request", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const text = `SecAction "id:1,phase:1,pass,nolog,initcol:ip=%{ARGS.key}"
    SecAction "id:2,phase:1,pass,nolog,setvar:'ip.agent=%{REQUEST_HEADERS.User-Agent}'"`;
  const rules = compileRuleset([{ name: "test.conf", text }], { dataFile: () => undefined });
  const store = createCollectionStore()("site");
  const connection = { remoteAddress: "", remotePort: 1, serverAddress: "", serverPort: 80 };
  const send = (key: number): void => {
    const head = `a browser with a long name ${key}${"\n".padEnd(200_000, String(key))}`;
    const agent = head.slice(0, head.indexOf("\n"));
    const one = { ...connection, uniqueId: "one", timeMs: 0 };
    const transaction = beginTransaction(rules, one, { collections: store });
    transaction.requestLine("GET", `/?key=${key}`, "HTTP/1.1", "");
    transaction.requestHeaders(["User-Agent"], [agent]);
  };
  send(0);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let key = 1; key <= 500; key += 1) send(key);
  collectGarbage();
  // The requests have 100 MB, what is kept of them some hundred kilobytes.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(30_000_000);
});

test("what a client sends is kept in small part", () => {
  const text = `SecAction "id:1,phase:1,pass,nolog,initcol:ip=x"
    SecRule ARGS "@rx ." "id:2,phase:2,pass,nolog,setvar:'ip.%{MATCHED_VAR_NAME}=%{MATCHED_VAR}'"`;
  const rules = compileRuleset([{ name: "test.conf", text }], { dataFile: () => undefined });
  const store = createCollectionStore()("site");
  const connection = { remoteAddress: "", remotePort: 1, serverAddress: "", serverPort: 80 };
  const transaction = beginTransaction(
    rules,
    { ...connection, uniqueId: "one", timeMs: 0 },
    { collections: store },
  );
  const target = `/?${Array.from({ length: 100 }, (_, at) => `a${at}=${"x".repeat(1_000)}`).join("&")}`;
  transaction.requestLine("GET", target, "HTTP/1.1", `GET ${target} HTTP/1.1`);
  transaction.requestHeaders([], []);
  transaction.requestBody("");
  const variables = store.load("IP", "x", { nowMs: 0, timeoutMs: 1 });
  expect(variables.size).toBe(limits.variablesMax);
  expect(Math.max(...[...variables.values()].map((one) => one.length))).toBe(limits.textCharsMax);
});
