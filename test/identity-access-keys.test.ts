/** Access keys over the operation interface, and requests signed with them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { PASSWORD, type Stack, startStack } from "./stack.ts";

let stack: Stack;
let userId = "";

beforeAll(async () => {
  stack = await startStack();
  const made = await stack.api("POST", "/v1/iam/users", { name: "signer", password: PASSWORD });
  userId = made.result.userId;
});
afterAll(() => stack?.stop());

test("a user has two access keys at most, also when five are asked for at once", async () => {
  const replies = await Promise.all(
    Array.from({ length: 5 }, () => stack.api("POST", "/v1/iam/accessKeys", { userId })),
  );
  expect(replies.map((reply) => reply.code).sort()).toEqual([200, 200, 409, 409, 409]);
  const refused = replies.find((reply) => reply.code === 409);
  expect(refused?.error?.reason).toBe("iam.accessKeyLimit");
  const { result } = await stack.api("GET", `/v1/iam/accessKeys?userId=${userId}`);
  expect(result.totalCount).toBe(2);
  for (const key of result.accessKeys) {
    const path = `/v1/iam/accessKeys/${key.accessKeyId}`;
    expect((await stack.api("DELETE", path)).code).toBe(200);
    expect((await stack.api("DELETE", path)).error?.reason).toBe("iam.accessKeyNotFound");
  }
});

test("the secret of an access key is answered once and by nothing else", async () => {
  const sourceCidrs = ["127.0.0.0/8"];
  const { result } = await stack.api("POST", "/v1/iam/accessKeys", { userId, sourceCidrs });
  expect(result.secret).toMatch(/^[\w-]{43}$/);
  const list = await stack.api("GET", "/v1/iam/accessKeys");
  expect(JSON.stringify(list.result)).not.toContain(result.secret);
  const audit = await stack.api("GET", "/v1/audit/entries?pageSize=100");
  expect(JSON.stringify(audit.result)).not.toContain(result.secret);
  const path = `/v1/iam/accessKeys/${result.accessKey.accessKeyId}`;
  const wrong = await stack.api("PATCH", path, { sourceCidrs: ["192.0.2.0/33"] });
  expect(wrong.error?.reason).toBe("iam.cidrInvalid");
  const changed = await stack.api("PATCH", path, { enabled: false });
  expect(changed.result).toMatchObject({ enabled: false, sourceCidrs });
  await stack.api("DELETE", path);
});
