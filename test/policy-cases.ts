/**
 * Random policies and requests for the comparison with Cedar. Expressions are made by type, so that
 * most of them are evaluated to the end; now and then one has another type, so that the errors are
 * compared too.
 */
import fc from "fast-check";
import type { PolicyJson } from "../src/engines/policy/policy.ts";

type Json = unknown;
type Arb = fc.Arbitrary<Json>;

const attributeNames = ["a", "b", "c"] as const;
const uid = fc.record({
  type: fc.constantFrom("User", "Group"),
  id: fc.constantFrom("x", "y", "z"),
});
const actionUid = fc.record({
  type: fc.constant("Action"),
  id: fc.constantFrom("read", "write", "waf:read", "waf:all"),
});

const longs = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 4_611_686_018_427),
);
const strings = fc.constantFrom("", "a", "ab", "abc", "b*", "aXb", "é", "日本", "a\nb", "\u0000");
const ipsTexts = [
  ...["192.0.2.1", "192.0.2.0/24", "10.0.0.0/8", "0.0.0.0/0", "127.0.0.1", "127.0.0.0/7"],
  ...["224.0.0.1", "239.1.2.3/8", "224.0.0.0/3", "255.255.255.255", "10.0.0.1/31"],
  ...["::1", "2001:db8::/32", "::/0", "ff00::/8", "ff02::1", "fe80::1", "::ffff:a00:1", "::1/127"],
];
const ips = fc.constantFrom(...ipsTexts);
/** Texts that are nearly addresses: both must refuse or take them alike. */
const nearIpsTexts = [
  ...["", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/08"],
  ...["::1/129", ":::1", "1:2:3:4:5:6:7", "::ffff:10.0.0.1", "fe80::1%eth0", "1::2::3", "[::1]"],
  ...["10.0.0.1/+8", " 10.0.0.1", "10.0.0.1 ", "0x0a.0.0.1", "1.2.3.4/1/2", "12345::", "::/00"],
];
const nearIps = fc.constantFrom(...nearIpsTexts);
const datetimesTexts = [
  ...["2024-02-29", "1970-01-01", "0000-01-01", "9999-12-31", "2026-11-28T12:34:56Z"],
  ...["2026-11-28T12:34:56.789Z", "2026-11-28T12:34:56+0530", "2026-11-28T12:34:56.001-1159"],
  ...["1969-12-31T23:59:59.999Z", "2000-01-01T00:00:00Z"],
];
const datetimes = fc.constantFrom(...datetimesTexts);
const nearDatetimesTexts = [
  ...["", "2023-02-29", "2023-02-30", "2023-04-31", "2023-13-01", "2023-00-10", "2023-01-00"],
  ...["2026-11-28T12:34:56", "2026-11-28T24:00:00Z", "2026-11-28T12:60:00Z"],
  ...["2026-11-28T12:34:60Z", "2026-11-28T12:34:56.7Z", "2026-11-28t12:34:56Z"],
  ...["2026-11-28T12:34:56+2400", "2026-11-28T12:34:56+0060", "2026-11-28T12:34:56+05:30"],
  ...["2026-11-28T12:34Z", "20261128", "-001-01-01", "+2026-11-28", "2026-11-28 12:34:56Z"],
  ...["2026-1-28", "2026-11-28T", "2026-11-28Z", "2026-11-28T12:34:56z"],
];
const nearDatetimes = fc.constantFrom(...nearDatetimesTexts);
const durationsTexts = [
  ...["0ms", "1ms", "-1s", "1d2h3m4s5ms", "36h", "-1d12h", "90m", "999999d", "1d", "-0s"],
];
const durations = fc.constantFrom(...durationsTexts);
const nearDurationsTexts = [
  ...["", "-", "1", "1x", "1h1d", "1d1d", "1.5h", "+1h", "1h ", "--1h", "1D", "1s2m", "ms"],
  ...["9223372036854775807ms", "9223372036854775808ms", "-9223372036854775808ms", "99999999999d"],
];
const nearDurations = fc.constantFrom(...nearDurationsTexts);

const extensionData = (fn: string, args: fc.Arbitrary<string>): Arb =>
  args.map((arg) => ({ __extn: { fn, arg } }));
const scalar: Arb = fc.oneof(
  fc.boolean(),
  longs,
  strings,
  uid.map((entity) => ({ __entity: entity })),
  extensionData("ip", ips),
  extensionData("datetime", datetimes),
  extensionData("duration", durations),
);
const data: Arb = fc.oneof(
  { weight: 4, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) },
  {
    weight: 1,
    arbitrary: fc.dictionary(fc.constantFrom(...attributeNames), scalar, { maxKeys: 2 }),
  },
);

const pattern = fc.array(
  fc.oneof(
    fc.constant("Wildcard"),
    fc.constantFrom("a", "b", "ab", "*", "é").map((Literal) => ({ Literal })),
  ),
  { minLength: 1, maxLength: 4 },
);

/** Texts by the constructor that takes or refuses them. */
export const constructorTexts: Readonly<Record<string, readonly string[]>> = {
  ip: [...ipsTexts, ...nearIpsTexts],
  datetime: [...datetimesTexts, ...nearDatetimesTexts],
  duration: [...durationsTexts, ...nearDurationsTexts],
};

type Kinds = "bool" | "long" | "text" | "set" | "uid" | "ip" | "time" | "span" | "fields";
const kinds: readonly Kinds[] = [
  ...(["bool", "long", "text", "set", "uid", "ip", "time", "span", "fields"] as const),
];

/** An attribute of a variable: whatever it holds, of whatever type. */
const attributeOf: Arb = fc
  .tuple(fc.constantFrom("context", "principal", "resource"), fc.constantFrom(...attributeNames))
  .map(([variable, attr]) => ({ ".": { left: { Var: variable }, attr } }));

const binary = (ops: readonly string[], left: Arb, right: Arb): Arb =>
  fc
    .record({ op: fc.constantFrom(...ops), left, right })
    .map(({ op, left: one, right: other }) => ({ [op]: { left: one, right: other } }));
const call = (names: readonly string[], ...args: Arb[]): Arb =>
  fc.tuple(fc.constantFrom(...names), fc.tuple(...args)).map(([name, list]) => ({ [name]: list }));
const literal = (values: Arb): Arb => values.map((Value) => ({ Value }));
const made = (name: string, good: fc.Arbitrary<string>, near: fc.Arbitrary<string>): Arb =>
  fc
    .oneof({ weight: 7, arbitrary: good }, { weight: 1, arbitrary: near })
    .map((text) => ({ [name]: [{ Value: text }] }));

type Tie = (kind: Kinds) => Arb;

/** The operators that give each type. */
const byKind: Readonly<Record<Kinds, (of: Tie) => Arb[]>> = {
  bool: (of) => [
    literal(fc.boolean()),
    binary(["==", "!="], fc.oneof(...kinds.map(of)), fc.oneof(...kinds.map(of))),
    ...(["long", "time", "span"] as const).map((kind) =>
      binary(["<", "<=", ">", ">="], of(kind), of(kind)),
    ),
    binary(["&&", "||"], of("bool"), of("bool")),
    binary(["in"], of("uid"), fc.oneof(of("uid"), fc.array(of("uid")).map(asSet))),
    binary(["contains"], of("set"), fc.oneof(...kinds.map(of))),
    binary(["containsAll", "containsAny"], of("set"), of("set")),
    of("set").map((arg) => ({ isEmpty: { arg } })),
    of("bool").map((arg) => ({ "!": { arg } })),
    fc
      .record({ left: fc.oneof(of("fields"), of("uid")), attr: fc.constantFrom(...attributeNames) })
      .map((has) => ({ has })),
    fc.record({ left: of("text"), pattern }).map((like) => ({ like })),
    fc
      .record({ left: of("uid"), entity_type: fc.constantFrom("User", "Group") })
      .map((is) => ({ is })),
    fc
      .record({ left: of("uid"), entity_type: fc.constantFrom("User", "Group"), in: of("uid") })
      .map((is) => ({ is })),
    call(["isInRange"], of("ip"), of("ip")),
    call(["isIpv4", "isIpv6", "isLoopback", "isMulticast"], of("ip")),
  ],
  long: (of) => [
    literal(longs),
    binary(["+", "-", "*"], of("long"), of("long")),
    of("long").map((arg) => ({ neg: { arg } })),
    call(["toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays"], of("span")),
  ],
  text: () => [literal(strings)],
  set: (of) => [fc.array(fc.oneof(...kinds.map(of)), { maxLength: 3 }).map(asSet)],
  uid: () => [
    literal(uid.map((entity) => ({ __entity: entity }))),
    fc.constantFrom("principal", "action", "resource").map((Var) => ({ Var })),
  ],
  ip: () => [made("ip", ips, nearIps)],
  time: (of) => [
    made("datetime", datetimes, nearDatetimes),
    call(["offset"], of("time"), of("span")),
    call(["toDate"], of("time")),
  ],
  span: (of) => [
    made("duration", durations, nearDurations),
    call(["durationSince"], of("time"), of("time")),
    call(["toTime"], of("time")),
  ],
  fields: (of) => [
    fc.constant({ Var: "context" }),
    fc
      .dictionary(fc.constantFrom(...attributeNames), fc.oneof(...kinds.map(of)), { maxKeys: 3 })
      .map((Record) => ({ Record })),
  ],
};

function asSet(items: readonly Json[]): Json {
  return { Set: items };
}

const tied = fc.letrec<Record<Kinds, Json>>((tie) => {
  const of: Tie = (kind) =>
    fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      { weight: 14, arbitrary: tie(kind) },
      { weight: 2, arbitrary: attributeOf },
      // Of another type than is wanted here.
      { weight: 1, arbitrary: fc.constantFrom(...kinds).chain((other) => tie(other) as Arb) },
    );
  const of2 = (kind: Kinds): Arb =>
    fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      ...byKind[kind](of),
      attributeOf,
      fc
        .tuple(of("bool"), of(kind), of(kind))
        // biome-ignore lint/suspicious/noThenProperty: the name is Cedar's
        .map(([test, yes, no]) => ({ "if-then-else": { if: test, then: yes, else: no } })),
      fc
        .record({ left: of("fields"), attr: fc.constantFrom(...attributeNames) })
        .map((get) => ({ ".": get })),
    );
  return Object.fromEntries(kinds.map((kind) => [kind, of2(kind)])) as Record<Kinds, Arb>;
});

const scope = (one: fc.Arbitrary<{ type: string; id: string }>): Arb =>
  fc.oneof(
    // Mostly all, so that conditions are reached.
    { weight: 12, arbitrary: fc.constant({ op: "All" }) },
    one.map((entity) => ({ op: "==", entity })),
    one.map((entity) => ({ op: "in", entity })),
    fc.constantFrom("User", "Group").map((entity_type) => ({ op: "is", entity_type })),
    fc
      .tuple(fc.constantFrom("User", "Group"), one)
      .map(([entity_type, entity]) => ({ op: "is", entity_type, in: { entity } })),
  );
const actionScope: Arb = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ op: "All" }) },
  actionUid.map((entity) => ({ op: "==", entity })),
  actionUid.map((entity) => ({ op: "in", entity })),
  fc.array(actionUid, { maxLength: 3 }).map((entities) => ({ op: "in", entities })),
);

/** A policy in Cedar's JSON form. */
export const policyCase = fc.record({
  effect: fc.constantFrom("permit", "permit", "forbid"),
  principal: scope(uid),
  action: actionScope,
  resource: scope(uid),
  conditions: fc.array(fc.record({ kind: fc.constantFrom("when", "unless"), body: tied.bool }), {
    maxLength: 2,
  }),
}) as fc.Arbitrary<PolicyJson>;

const attributes = fc.dictionary(fc.constantFrom(...attributeNames), data, { maxKeys: 3 });
const groupUid = fc.record({ type: fc.constant("Group"), id: fc.constantFrom("x", "y") });
const noAttributes = fc.constant({});

/** A request with its entities: users and groups in groups, actions in groups of actions. */
export const requestCase = fc.record({
  principal: uid,
  action: actionUid,
  resource: uid,
  context: attributes,
  entities: fc
    .tuple(
      fc.uniqueArray(
        fc.record({
          uid: fc.record({ type: fc.constant("User"), id: fc.constantFrom("x", "y", "z") }),
          attrs: attributes,
          parents: fc.array(groupUid, { maxLength: 2 }),
        }),
        { selector: (one) => one.uid.id, maxLength: 3 },
      ),
      fc.record({
        uid: fc.constant({ type: "Group", id: "x" }),
        attrs: attributes,
        parents: fc.array(fc.constant({ type: "Group", id: "y" }), { maxLength: 1 }),
      }),
      fc.record({
        uid: fc.constant({ type: "Action", id: "waf:read" }),
        attrs: noAttributes,
        parents: fc.array(fc.constant({ type: "Action", id: "waf:all" }), { maxLength: 1 }),
      }),
    )
    .map(([users, group, action]) => [...users, group, action]),
});
