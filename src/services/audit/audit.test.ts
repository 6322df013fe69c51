import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, startOperations } from "../../../test/service-kit.ts";

let cordon: Operations;
beforeAll(async () => {
  cordon = await startOperations();
});
afterAll(() => cordon?.stop());

test("every call is listed, refused ones too, and no secret is in the record", async () => {
  const user = { name: "carol", password: "a password nobody knows", policyIds: [] };
  await cordon.api("POST", "/v1/iam/users", user);
  await cordon.api("GET", "/v1/waf/sites/site-0000000000");
  await cordon.recorded();
  const { result } = await cordon.api("GET", "/v1/audit/entries");
  const told = result.entries.map((one: { operation: string; code: number }) => [
    one.operation,
    one.code,
  ]);
  expect(told).toContainEqual(["iam.createUser", 200]);
  expect(told).toContainEqual(["waf.getSite", 404]);
  expect(JSON.stringify(result)).not.toContain(user.password);
});

test("an entry comes with a proof that it is in the signed tree", async () => {
  await cordon.recorded();
  const { result } = await cordon.api("GET", "/v1/audit/entries");
  const { index } = result.entries.at(-1);
  const { proof } = (await cordon.api("GET", `/v1/audit/entries/${index}`)).result;
  const bytes = Buffer.from(proof.entryBytes, "base64");
  const leaf = createHash("sha256").update(Buffer.of(0)).update(bytes).digest("base64");
  expect(proof.leafHash).toBe(leaf);
  expect(proof.treeSize).toBeGreaterThan(index);
});

test("half of a surrogate pair is refused in every operation, with the field that has it", async () => {
  const half = "half \ud800";
  const refused = async (path: string, body: object) => {
    const { code, error } = await cordon.api("POST", path, body);
    return [code, error?.reason, error?.details[0]?.path];
  };
  const invalid = (path: string) => [400, "kernel.inputInvalid", path];
  const group = "/v1/iam/groups";
  expect(await refused(group, { name: "g", description: half })).toEqual(invalid("/description"));
  const policyWith = (fields: object) => {
    const statement = [{ effect: "allow", action: ["iam:*"], resource: ["*"], ...fields }];
    return { name: "p", document: { version: "1", statement } };
  };
  const [policies, inDocument] = ["/v1/iam/policies", "/document/statement/0"];
  const named = { condition: { StringEquals: { [half]: "x" } } };
  const ofName = `${inDocument}/condition/StringEquals/half \ufffd`;
  expect(await refused(policies, policyWith({ sid: half }))).toEqual(invalid(`${inDocument}/sid`));
  expect(await refused(policies, policyWith(named))).toEqual(invalid(ofName));
  const whole = await cordon.api("POST", group, { name: "g", description: "whole \u{1f511}" });
  expect(whole.code).toBe(200);
});

test("a character that the database refuses is answered 400 and holds up no other entry", async () => {
  const filter = "/v1/audit/entries?filters.1.name=operation&filters.1.values.1=";
  const { code, error } = await cordon.api("GET", `${filter}a%00b%5Cu0000`);
  expect([code, error?.reason]).toEqual([400, "kernel.inputInvalid"]);
  await cordon.api("POST", "/v1/iam/groups", { name: "half \ud800", "\0": "\\u0000 \udfff" });
  await cordon.api("GET", "/v1/iam/groups");
  await cordon.recorded();
  const { result } = await cordon.api("GET", "/v1/audit/entries");
  const told = result.entries.map((one: { operation: string }) => one.operation);
  expect(told).toContain("iam.createGroup");
  expect(told).toContain("iam.listGroups");
  const held = result.entries.find((one: { input: object }) =>
    JSON.stringify(one.input ?? {}).includes("a\ufffdb\\\\u0000"),
  );
  expect(held).toBeDefined();
});
