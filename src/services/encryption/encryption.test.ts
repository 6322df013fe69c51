/** Promises of tokens and masks, over the operation interface with a real keyd and PostgreSQL. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type KmsKit, startKms } from "../../../test/kms-kit.ts";
import { PASSWORD } from "../../../test/service-kit.ts";
import { luhnSum } from "./domain/formats.ts";
import { encryptionJobs } from "./service.ts";

let kit: KmsKit;
beforeAll(async () => {
  kit = await startKms();
});
afterAll(() => kit?.stop());

const CARD = "4111111111111111";
const PROFILES = "crn:encryption::*:tokenProfile/*";
const UNKNOWN = { reason: "encryption.tokenUnknown" };
const purpose = "refund 7";
let names = 0;

const post = (path: string, body: object, key?: string) =>
  kit.operations.api("POST", `/v1/encryption${path}`, body, key);
async function profile(given: object, key?: string): Promise<string> {
  names += 1;
  const made = await post("/tokenProfiles", { name: `profile ${names}`, ...given }, key);
  return made.result.tokenProfileId;
}
const tokens = async (id: string, ...values: string[]): Promise<string[]> =>
  (await post(`/tokenProfiles/${id}:tokenize`, { values })).result.tokens;
const open = (id: string, asked: readonly string[], key?: string) =>
  post(`/tokenProfiles/${id}:detokenize`, { tokens: asked, purpose }, key);
/** An account of its own with an administrator; @returns his bearer key. */
async function stranger(name: string): Promise<string> {
  const account = { name, userName: "eve", password: PASSWORD };
  await kit.operations.api("POST", "/v1/account/accounts", account);
  return kit.operations.keyOf(name, "eve");
}
/** A user of `main` with one statement; @returns his bearer key. */
async function userWith(name: string, action: string[]): Promise<string> {
  const document = { version: "1", statement: [{ effect: "allow", action, resource: PROFILES }] };
  const policy = await kit.operations.api("POST", "/v1/iam/policies", { name, document });
  const policyIds = [policy.result.policyId];
  const user = { name, password: PASSWORD, policyIds };
  const { userId } = (await kit.operations.api("POST", "/v1/iam/users", user)).result;
  return (await kit.operations.api("POST", "/v1/iam/bearerKeys", { userId, name })).result.secret;
}

test("tokens of each kind keep what the profile says, and give the value back", async () => {
  const same = { format: "sameFormat" };
  const id = "11010519491231002X";
  for (const [given, value, form] of [
    [{ kind: "card", ...same, keepLast: 4 }, CARD, /^\d{12}1111$/],
    [{ kind: "card", ...same, checksum: "valid" }, CARD, /^\d{16}$/],
    [{ kind: "phone", ...same, keepLast: 4 }, "+8613800138000", /^\+\d{9}8000$/],
    [{ kind: "idCard", ...same, checksum: "valid" }, id, /^\d{17}[\dX]$/],
    [{ kind: "email", ...same }, "ann@example.org", /^[a-z2-7]{26}@token\.invalid$/],
    [{ kind: "text" }, "anything at all", /^tok_[a-z2-7]{26}$/],
  ] as const) {
    const made = await profile(given);
    const [token = "", other = ""] = await tokens(made, value, value);
    expect(token).toMatch(form);
    expect(other).not.toBe(token);
    if (given.kind === "card") {
      const passes = luhnSum(token) % 10 === 0;
      expect(passes).toBe("checksum" in given);
    }
    expect((await open(made, [token])).result.items).toEqual([{ value }]);
  }
});

test("a deterministic profile gives equal values one token, however they are written", async () => {
  const made = await profile({ kind: "card", mode: "deterministic" });
  const [first, second] = await tokens(made, CARD, "4111 1111-1111 1111");
  expect(second).toBe(first);
  expect(await tokens(made, CARD)).toEqual([first]);
  const other = await profile({ kind: "card", mode: "deterministic" });
  expect(await tokens(other, CARD)).not.toEqual([first]);
  // Many at once, by callers that know nothing of each other.
  const all = await Promise.all(Array.from({ length: 8 }, () => tokens(made, "5500000000000004")));
  expect(new Set(all.flat()).size).toBe(1);
});

test("a value that is not of the kind is refused by its place, and nothing is kept", async () => {
  const made = await profile({ kind: "card", mode: "deterministic" });
  const values = [CARD, "4111111111111112", "12"];
  const refused = await post(`/tokenProfiles/${made}:tokenize`, { values });
  expect(refused.error?.reason).toBe("encryption.valueUnfit");
  expect(refused.error?.details.map(({ path }) => path)).toEqual(["/values/1", "/values/2"]);
  expect(JSON.stringify(refused.error)).not.toContain("4111111111111112");
  const rows = await kit.operations.database.transaction(
    "system",
    (sql) => sql`select token from encryption_token where token_profile_id = ${made}`,
  );
  expect(rows).toEqual([]);
  const unfit = { kind: "text", format: "sameFormat", keepLast: 2, name: "x" };
  expect((await post("/tokenProfiles", unfit)).error?.details).toHaveLength(2);
});

test("no answer tells a token of another profile or account from one that never was", async () => {
  const eve = await stranger("other");
  const hers = await profile({ kind: "text" }, eve);
  const [one, two] = [await profile({ kind: "text" }), await profile({ kind: "text" })];
  const [foreign = ""] = await tokens(two, "a secret");
  const made = await post(`/tokenProfiles/${hers}:tokenize`, { values: ["hers"] }, eve);
  const asked = [foreign, made.result.tokens[0], "tok_aaaaaaaaaaaaaaaaaaaaaaaaaa"];
  expect((await open(one, asked)).result.items).toEqual([UNKNOWN, UNKNOWN, UNKNOWN]);
  // Her profile is to him like one that is not there, and his to her.
  const missing = await open("tkp-0000000000", asked);
  expect(missing.error).toMatchObject({ reason: "encryption.tokenProfileNotFound" });
  expect((await open(hers, made.result.tokens)).error).toEqual(missing.error);
  expect((await open(two, [foreign], eve)).error).toEqual(missing.error);
});

test("making, opening, masking and forgetting are four rights", async () => {
  const made = await profile({ kind: "card" });
  const [token = ""] = await tokens(made, CARD);
  const cashier = await userWith("cashier", ["encryption:MaskTokens"]);
  const path = `/tokenProfiles/${made}`;
  const masked = await post(`${path}:maskTokens`, { tokens: [token], purpose }, cashier);
  expect(masked.result.items).toEqual([{ masked: "411111******1111" }]);
  expect((await open(made, [token], cashier)).code).toBe(403);
  expect((await post(`${path}:tokenize`, { values: [CARD] }, cashier)).code).toBe(403);
  const forget = { tokens: [token], purpose };
  expect((await post(`${path}:deleteTokens`, forget, cashier)).code).toBe(403);
  expect((await post(`${path}:deleteTokens`, forget)).result.deletedCount).toBe(1);
  expect((await open(made, [token])).result.items).toEqual([UNKNOWN]);
});

test("the record of an opening has its purpose, and neither token nor value", async () => {
  const made = await profile({ kind: "text" });
  const [token = ""] = await tokens(made, "seldom words of a value");
  await open(made, [token]);
  await kit.operations.recorded();
  const path = "/v1/audit/entries?pageSize=5&filters.1.name=operation&filters.1.values.1=";
  for (const verb of ["detokenize", "tokenize"]) {
    const entries = await kit.operations.api("GET", `${path}encryption.${verb}`);
    const text = JSON.stringify(entries.result);
    expect(text).toContain(made);
    expect(text.includes(purpose)).toBe(verb === "detokenize");
    expect(text).not.toContain("seldom words");
    expect(text).not.toContain(token);
  }
  const refused = await post(`/tokenProfiles/${made}:detokenize`, { tokens: [token] });
  expect(refused.error?.reason).toBe("kernel.inputInvalid");
});

test("a token oracle is braked for each principal: wrong guesses count as well", async () => {
  const made = await profile({ kind: "text", detokenizePerMinute: 20, tokenizePerMinute: 5 });
  const [token = ""] = await tokens(made, "x");
  const guesses = Array.from({ length: 19 }, (_, at) => `tok_${at}`);
  await open(made, guesses);
  expect((await open(made, [token])).result.items).toEqual([{ value: "x" }]);
  expect((await open(made, [token])).error?.reason).toBe("encryption.tooManyValues");
  const guessed = await post(`/tokenProfiles/${made}:maskTokens`, { tokens: [token], purpose });
  expect(guessed.error?.reason).toBe("encryption.tooManyValues");
  // Nobody else is shut out by it.
  const clerk = await userWith("clerk", ["encryption:Detokenize"]);
  expect((await open(made, [token], clerk)).code).toBe(200);
  const values = ["a", "b", "c", "d", "e"];
  const many = await post(`/tokenProfiles/${made}:tokenize`, { values });
  expect(many.error?.reason).toBe("encryption.tooManyValues");
});

test("a token that ended answers like none, and its value gets a new one", async () => {
  const made = await profile({ kind: "text", mode: "deterministic", ttlSeconds: 60 });
  const [token = ""] = await tokens(made, "x");
  const { database } = kit.operations;
  await database.transaction(
    "system",
    (sql) => sql`update encryption_token set expire_time = now() - interval '1 second'
      where token_profile_id = ${made}`,
  );
  expect((await open(made, [token])).result.items).toEqual([UNKNOWN]);
  const [next = ""] = await tokens(made, "x");
  expect(next).not.toBe(token);
  const [job] = encryptionJobs(database, () => Date.now() + 120_000);
  await job?.run();
  expect((await open(made, [next])).result.items).toEqual([UNKNOWN]);
});

test("sealed values that change rows in the database do not open", async () => {
  const made = await profile({ kind: "text" });
  const [left = "", right = ""] = await tokens(made, "left", "right");
  await kit.operations.database.transaction(
    "system",
    (sql) => sql`update encryption_token a set sealed = b.sealed from encryption_token b
      where a.token = ${left} and b.token = ${right}`,
  );
  expect((await open(made, [left])).error?.reason).toBe("encryption.vaultDamaged");
  expect((await open(made, [right])).result.items).toEqual([{ value: "right" }]);
});

test("a profile is deleted only when it is off, with all its tokens", async () => {
  const made = await profile({ kind: "text" });
  const [token = ""] = await tokens(made, "x");
  const path = `/v1/encryption/tokenProfiles/${made}`;
  const used = await kit.operations.api("DELETE", path);
  expect(used.error?.reason).toBe("encryption.tokenProfileEnabled");
  await kit.operations.api("PATCH", path, { enabled: false });
  expect((await open(made, [token])).error?.reason).toBe("encryption.tokenProfileDisabled");
  expect((await kit.operations.api("DELETE", path)).code).toBe(200);
  const rows = await kit.operations.database.transaction(
    "system",
    (sql) => sql`select token from encryption_token where token = ${token}`,
  );
  expect(rows).toEqual([]);
});

test("a mask hides what its kind says, and all of what is too short", async () => {
  const mask = async (kind: string, values: string[], more = {}) =>
    (await post("/values:mask", { kind, values, ...more })).result.masked;
  expect(await mask("card", ["4111 1111 1111 1111", "411111"])).toEqual([
    "411111******1111",
    "********",
  ]);
  expect(await mask("phone", ["13800138000"])).toEqual(["138****8000"]);
  expect(await mask("idCard", ["11010519491231002X"])).toEqual(["110***********002X"]);
  expect(await mask("email", ["ann.lee@example.org", "ab@example.org", "none"])).toEqual([
    "a***@example.org",
    "***@example.org",
    "********",
  ]);
  expect(await mask("text", ["anything"])).toEqual(["********"]);
  expect(await mask("card", [CARD], { keepFirst: 0, keepLast: 0 })).toEqual(["*".repeat(16)]);
});
