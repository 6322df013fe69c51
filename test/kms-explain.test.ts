/** Decisions that key policies and grants took, explained and simulated. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { base64, type KmsKit, startKms } from "./kms-kit.ts";
import { PASSWORD } from "./service-kit.ts";

let kit: KmsKit;
let userId = "";
let key = "";
const plaintext = base64("x");

beforeAll(async () => {
  kit = await startKms();
  const { api } = kit.operations;
  const made = await api("POST", "/v1/iam/users", { name: "worker", password: PASSWORD });
  userId = made.result.userId;
  key = (await api("POST", "/v1/iam/bearerKeys", { userId, name: "w" })).result.secret;
});
afterAll(() => kit?.stop());

/** What is explained of the worker's last request. */
async function explained() {
  await kit.operations.recorded();
  const { api } = kit.operations;
  const filters = `filters.1.name=principalId&filters.1.values.1=${userId}`;
  const list = await api("GET", `/v1/audit/entries?${filters}&sorts.1.name=index&pageSize=100`);
  const entries: { requestId: string; index: number }[] = list.result.entries;
  const [last] = entries.toSorted((one, other) => other.index - one.index);
  return (await api("GET", `/v1/iam/decisions/${last?.requestId}`)).result;
}

async function simulated(keyId: string, more: object = {}) {
  const { result } = await kit.operations.api("GET", "/v1/iam/caller");
  const resource = `crn:kms::${result.caller.accountId}:key/${keyId}`;
  const body = { userId, action: "kms:Encrypt", resource, ...more };
  return (await kit.operations.api("POST", "/v1/iam/policies:simulate", body)).result;
}

test("a grant that allowed is named, and what it wants of the context", async () => {
  const keyId = await kit.newKey();
  const encryptionContext = { tenant: "a" };
  const { result } = await kit.post(`/keys/${keyId}/grants`, {
    name: "for-worker",
    grantee: userId,
    operations: ["Encrypt"],
    constraints: { subset: encryptionContext },
  });
  const { grantId } = result.grant;
  const body = { plaintext, encryptionContext };
  expect((await kit.post(`/keys/${keyId}:encrypt`, body, key)).code).toBe(200);
  const statements = [
    {
      policyId: `grant:${grantId}`,
      policyName: `grant ${grantId} (for-worker)`,
      version: "1",
      statement: expect.objectContaining({
        ...{ grantId, keyId, grantee: userId, operations: ["Encrypt"] },
        constraints: { subset: encryptionContext },
      }),
    },
  ];
  // The record has the hash of the context only, so nobody can say how it would be decided now.
  const answer = { decision: "allow", decidedBy: "permit", statements, decisionNow: null };
  expect(await explained()).toMatchObject(answer);
  expect(await simulated(keyId, { encryptionContext })).toMatchObject({
    ...{ decision: "allow", statements },
  });
  const other = await simulated(keyId, { encryptionContext: { tenant: "b" } });
  expect(other).toMatchObject({ decision: "deny", decidedBy: "noPermit", statements: [] });
});

test("a statement of the key policy that allowed or denied is named, as long as it is kept", async () => {
  const keyId = await kit.newKey();
  const path = `/v1/kms/keys/${keyId}/policy`;
  const { result } = await kit.get(`/keys/${keyId}/policy`);
  const says = (effect: string, action: string) => ({
    ...{ effect, principal: { user: [userId] }, action: [action], resource: ["*"] },
  });
  const statement = [
    ...result.document.statement,
    says("allow", "kms:Encrypt"),
    says("deny", "kms:Decrypt"),
  ];
  await kit.operations.api("PUT", path, { document: { version: "1", statement } });
  const made = await kit.post(`/keys/${keyId}:encrypt`, { plaintext }, key);
  const answer = await explained();
  expect(answer).toMatchObject({
    decisionNow: "allow",
    statements: [
      {
        policyId: `key-policy-own:${keyId}`,
        policyName: `policy of ${keyId}`,
        statement: says("allow", "kms:Encrypt"),
      },
    ],
  });
  const { ciphertext } = made.result;
  expect((await kit.post(`/keys/${keyId}:decrypt`, { ciphertext }, key)).code).toBe(403);
  expect(await explained()).toMatchObject({
    ...{ decision: "deny", decidedBy: "forbid", wouldAllow: [] },
    statements: [{ statement: says("deny", "kms:Decrypt") }],
  });
  await kit.operations.api("PUT", path, { document: result.document });
  const later = await kit.operations.api("GET", `/v1/iam/decisions/${answer.requestId}`);
  expect(later.result).toMatchObject({ decisionNow: "deny", statements: [{ statement: null }] });
});

test("what would allow it is of the key policy alone when that does not name the account", async () => {
  const keyId = await kit.newKey();
  const statementOf = (user: string, action: string) => ({
    ...{ effect: "allow", principal: { user: [user] }, action: [action], resource: ["*"] },
  });
  const denied = async () => {
    expect((await kit.post(`/keys/${keyId}:encrypt`, { plaintext }, key)).code).toBe(403);
    return (await explained()).wouldAllow;
  };
  const onKey = statementOf(userId, "kms:Encrypt");
  const own = { effect: "allow", action: "kms:Encrypt", resource: expect.stringMatching(keyId) };
  expect(await denied()).toEqual([own, onKey]);
  const { result } = await kit.operations.api("GET", "/v1/iam/caller");
  const admin = statementOf(result.caller.principalId, "kms:PutKeyPolicy");
  const document = { version: "1", statement: [admin] };
  await kit.operations.api("PUT", `/v1/kms/keys/${keyId}/policy`, { document });
  expect(await denied()).toEqual([onKey]);
  document.statement.push(onKey);
  await kit.operations.api("PUT", `/v1/kms/keys/${keyId}/policy`, { document });
  expect((await kit.post(`/keys/${keyId}:encrypt`, { plaintext }, key)).code).toBe(200);
});

test("who reaches a key is told with grants and its policy, and nobody of another account", async () => {
  const keyId = await kit.newKey();
  const { result } = await kit.operations.api("GET", "/v1/iam/caller");
  const { accountId } = result.caller;
  const reachers = async (owner: string) => {
    const resource = `crn:kms::${owner}:key/${keyId}`;
    const query = new URLSearchParams({ action: "kms:Encrypt", resource });
    const answer = await kit.operations.api("GET", `/v1/iam/reachers?${query}`);
    return answer.result.reachers.map((one: { principalName: string }) => one.principalName);
  };
  expect(await reachers(accountId)).toEqual(["admin"]);
  await kit.post(`/keys/${keyId}/grants`, { grantee: userId, operations: ["Encrypt"] });
  expect(await reachers(accountId)).toEqual(["admin", "worker"]);
});
