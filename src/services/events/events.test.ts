import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, startOperations } from "../../../test/service-kit.ts";

let cordon: Operations;
beforeAll(async () => {
  cordon = await startOperations();
});
afterAll(() => cordon?.stop());

test("a lake that does not answer is said so, and not as an empty list", async () => {
  for (const path of ["/v1/events/events", "/v1/events/requests/req-1:explain"]) {
    expect((await cordon.api("GET", path)).error?.reason).toBe("events.lakeUnavailable");
  }
});

test("a search by a field that events lack is refused with the fields there are", async () => {
  const query = "filters.1.name=password&filters.1.values.1=x";
  const reply = await cordon.api("GET", `/v1/events/events?${query}`);
  expect(reply.error?.reason).toBe("events.queryInvalid");
  expect(reply.error?.details[0]).toMatchObject({ path: "/filters/0/name" });
});
