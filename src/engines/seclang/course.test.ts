/** On its course or rule by rule: the same rules match, and the same variables are left behind. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { beginTransaction, compileRuleset, type Ruleset } from "./engine.ts";
import { CONNECTION } from "./test-kit.ts";

const SITE: ReadonlyMap<string, string> = new Map([
  ["a", "1"],
  ["level", "2"],
]);
const KEYS = ["a", "b", "c", "level", "0"] as const;

const key = fc.constantFrom(...KEYS);
const digit = fc.nat(3).map(String);
const value = fc.oneof(
  digit,
  key.map((one) => `%{tx.${one}}`),
  fc.constantFrom("%{MATCHED_VAR}", "%{MATCHED_VAR_NAME}", "%{ARGS.p}", "%{HIGHEST_SEVERITY}"),
);
const change = fc
  .tuple(fc.constantFrom("", "+", "-"), key, value)
  .map(([sign, name, text]) => `setvar:'tx.${name}=${sign}${text}'`);
const effect = fc.oneof(
  change,
  key.map((name) => `setvar:!tx.${name}`),
  fc.constantFrom("ctl:ruleRemoveById=3-5", "ctl:ruleEngine=Off", "capture", "severity:2"),
  fc.constantFrom("skipAfter:ONE", "skipAfter:TWO", "skip:1"),
  fc.constantFrom("msg:'%{MATCHED_VAR} %{tx.b}',log", "log", "allow:phase", "deny"),
);
const what = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(key, digit).map(([one, n]) => `TX:${one} "@lt ${n}"`) },
  fc.tuple(key, digit).map(([one, n]) => `&TX:${one} "@eq ${n}"`),
  fc.tuple(key, value).map(([one, text]) => `TX:${one} "!@streq ${text}"`),
  fc.tuple(key, key).map(([one, two]) => `TX:${one}|TX:${two} "@rx ^(.)"`),
  fc.constantFrom('ARGS "@rx ^(.)x"', 'ARGS:p "@contains x"', 'REQUEST_URI "!@contains x"'),
  fc.constantFrom(
    'REQUEST_HEADERS:Referer "@contains x"',
    'REQUEST_HEADERS|!REQUEST_HEADERS:Host "@rx ^(.)x"',
    'ARGS_NAMES|REQUEST_HEADERS_NAMES "@contains q"',
    'ARGS_GET:/^p/|REQUEST_URI_RAW|REQUEST_URI "@endsWith x"',
  ),
  fc.constantFrom('MATCHED_VAR "@rx 1"', 'MATCHED_VARS_NAMES "@contains b"', 'TX:/^b$/ "@gt 1"'),
);
type Part = { readonly what: string; readonly effects: readonly string[] };
const part = fc.record({ what, effects: fc.array(effect, { maxLength: 2 }) });
const item = fc.oneof(
  fc.array(change, { minLength: 1, maxLength: 2 }).map((all) => ({ action: all.join() })),
  fc.constantFrom({ marker: "ONE" }, { marker: "TWO" }),
  fc.array(part, { minLength: 1, maxLength: 2 }).map((links) => ({ links })),
);
type Item = { action: string } | { marker: string } | { links: Part[] };

/** Only the head of a chain may skip, disrupt and be told of. */
const forLink = (effects: readonly string[]): string[] =>
  effects.filter((one) => !/^(skip|deny|allow|msg|log|severity)/.test(one));

function textOf(items: readonly Item[]): string {
  return items
    .map((one, at) => {
      const phase = Math.floor((at * 5) / items.length) + 1;
      const head = `id:${at + 1},phase:${phase}`;
      if ("marker" in one) return `SecMarker ${one.marker}`;
      if ("action" in one) return `SecAction "${head},pass,nolog,${one.action}"`;
      const rule = (link: Part, actions: string): string => `SecRule ${link.what} "${actions}"`;
      const [first, second] = one.links;
      if (first === undefined) return "";
      const chains = second === undefined ? [] : ["chain"];
      const own = [head, "t:none", "nolog", ...first.effects, ...chains];
      if (!own.some((action) => /^(deny|allow)/.test(action))) own.push("pass");
      const next =
        second === undefined ? "" : rule(second, ["t:none", ...forLink(second.effects)].join());
      return `${rule(first, own.join())}\n${next}`;
    })
    .join("\n");
}

/** Phases that come to pass: a body may not be read, an answer be our own or no text. */
const PATHS = ["1234", "123", "12", "134", "1"] as const;

function outcomeOf(
  ruleset: Ruleset,
  { target, phases }: { target: string; phases: string },
  usePrefilter: boolean,
) {
  const one = beginTransaction(ruleset, CONNECTION, { variables: SITE, usePrefilter });
  one.requestLine("GET", target, "HTTP/1.1", `GET ${target} HTTP/1.1`);
  const verdicts = [
    one.requestHeaders(["Host", "Referer"], ["shop.example", target.slice(1)]),
    phases.includes("2") ? one.requestBody("") : undefined,
    phases.includes("3") ? one.responseHeaders(200, "HTTP/1.1", [], []) : undefined,
    phases.includes("4") ? one.responseBody("x") : undefined,
  ];
  one.finish();
  return {
    verdicts,
    matches: one
      .matches()
      .map(({ ruleId, message, variable, value: text }) => [ruleId, message, variable, text]),
    tx: [...KEYS, "1"].map((name) => one.variable("TX", name)),
    matched: [one.variable("MATCHED_VAR"), one.variable("HIGHEST_SEVERITY")],
  };
}

/** What its first link switches off stays off, though the chain does not match. */
const switchedOffByHalfAChain: Item[] = [
  {
    links: [
      { what: 'TX:a|TX:b "@rx ^(.)"', effects: ["ctl:ruleEngine=Off"] },
      { what: 'TX:a "@lt 0"', effects: [] },
    ],
  },
  { action: "setvar:'tx.a=0'" },
  { links: [{ what: 'TX:a|TX:b "@rx ^(.)"', effects: [] }] },
  // Those before are of the first phase.
  ...Array.from({ length: 8 }, () => ({ marker: "TWO" })),
];

/** A rule left out that the request concerns, but never meets: a match jumps over it. */
const jumpedOver: Item[] = [
  { action: "setvar:'tx.a=%{tx.a}'" },
  { marker: "TWO" },
  { action: "setvar:'tx.b=%{MATCHED_VAR}'" },
  { marker: "TWO" },
  { links: [{ what: 'ARGS "@rx ^(.)x"', effects: ["skipAfter:ONE"] }] },
  {
    links: [
      { what: 'TX:b "@lt 1"', effects: [] },
      { what: 'TX:a "@lt 0"', effects: [] },
    ],
  },
  { action: "setvar:'tx.a=%{MATCHED_VAR}'" },
  { marker: "ONE" },
  { marker: "ONE" },
];

/** A rule of the last phase that is met only where no answer of an origin came before it. */
const metWithoutAnAnswer: Item[] = [
  { marker: "TWO" },
  { marker: "TWO" },
  { marker: "TWO" },
  { marker: "TWO" },
  { action: "setvar:'tx.a=-2'" },
  { marker: "TWO" },
  { marker: "TWO" },
  { marker: "TWO" },
  { links: [{ what: 'TX:a "@lt 0"', effects: ["skipAfter:ONE"] }] },
  { links: [{ what: 'REQUEST_HEADERS:Referer "@contains x"', effects: [] }] },
];

test("a request on its site's course ends as it does rule by rule", () => {
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 25 }), (items) => {
      const text = textOf(items);
      const ruleset = compileRuleset([{ name: "test.conf", text }], { dataFile: () => undefined });
      for (const target of ["/", "/?p=1", "/?p=xx", "/x?q=2x&p=b", "/"]) {
        for (const phases of PATHS) {
          const byRule = outcomeOf(ruleset, { target, phases }, false);
          const ahead = outcomeOf(ruleset, { target, phases }, true);
          expect(ahead, `${target} in ${phases}\n${text}`).toEqual(byRule);
        }
      }
    }),
    {
      numRuns: 1_500,
      examples: [[switchedOffByHalfAChain], [jumpedOver], [metWithoutAnAnswer]],
    },
  );
});
