import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, startOperations } from "../../../test/service-kit.ts";

let cordon: Operations;
beforeAll(async () => {
  cordon = await startOperations();
});
afterAll(() => cordon?.stop());

test("a join token is shown once and never listed", async () => {
  const wanted = { name: "edge", plane: "gateway" };
  const made = await cordon.api("POST", "/v1/fleet/joinTokens", wanted);
  expect(made.result.token.length).toBeGreaterThan(20);
  const nodes = await cordon.api("GET", "/v1/fleet/nodes");
  expect(nodes.result.totalCount).toBe(0);
  await cordon.recorded();
  const record = JSON.stringify((await cordon.api("GET", "/v1/audit/entries")).result);
  expect(record).not.toContain(made.result.token);
});

test("a node that never joined is not found", async () => {
  expect((await cordon.api("GET", "/v1/fleet/nodes/node-0000000000")).code).toBe(404);
});
