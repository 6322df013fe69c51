/** Promises of key policies, grants, aliases and isolation, over the operation interface. */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { base64, type KmsKit, startKms } from "../../../test/kms-kit.ts";
import { PASSWORD } from "../../../test/service-kit.ts";

/** The full number of the issue by CORDON_FUZZ_REQUESTS=100000. */
const FUZZ_REQUESTS = Number(process.env.CORDON_FUZZ_REQUESTS ?? 1_500);

let kit: KmsKit;
let admin: string;
let worker: string;
let workerKey: string;
let strangerKey: string;

beforeAll(async () => {
  kit = await startKms();
  const { api } = kit.operations;
  const users = await api("GET", "/v1/iam/users");
  admin = users.result.users[0].userId;
  const made = await api("POST", "/v1/iam/users", { name: "worker", password: PASSWORD });
  worker = made.result.userId;
  workerKey = (await api("POST", "/v1/iam/bearerKeys", { userId: worker, name: "w" })).result
    .secret;
  const other = { name: "other", userName: "eve", password: PASSWORD };
  await api("POST", "/v1/account/accounts", other);
  strangerKey = await kit.operations.keyOf("other", "eve");
});
afterAll(() => kit?.stop());

const plaintext = base64("x");

describe("grants", () => {
  test("a grant lets its grantee do what it names, with the context it wants, and no more", async () => {
    const keyId = await kit.newKey();
    const encryptionContext = { tenant: "a" };
    const body = { plaintext, encryptionContext };
    const before = await kit.post(`/keys/${keyId}:encrypt`, body, workerKey);
    expect(before.code).toBe(403);
    const { result } = await kit.post(`/keys/${keyId}/grants`, {
      grantee: worker,
      operations: ["Encrypt", "Decrypt"],
      constraints: { subset: encryptionContext },
    });
    const made = await kit.post(`/keys/${keyId}:encrypt`, body, workerKey);
    expect(made.code).toBe(200);
    const wrong = { plaintext, encryptionContext: { tenant: "b" } };
    expect((await kit.post(`/keys/${keyId}:encrypt`, wrong, workerKey)).code).toBe(403);
    const data = { encryptionContext };
    expect((await kit.post(`/keys/${keyId}:generateDataKey`, data, workerKey)).code).toBe(403);
    const path = `/v1/kms/keys/${keyId}/grants/${result.grant.grantId}`;
    expect((await kit.operations.api("DELETE", path)).code).toBe(200);
    expect((await kit.post(`/keys/${keyId}:encrypt`, body, workerKey)).code).toBe(403);
  });

  test("an exact context is exact: one name more is another context", async () => {
    const keyId = await kit.newKey();
    const grant = { grantee: worker, operations: ["Encrypt"], constraints: { equals: { a: "1" } } };
    await kit.post(`/keys/${keyId}/grants`, grant);
    const send = (encryptionContext: object) =>
      kit.post(`/keys/${keyId}:encrypt`, { plaintext, encryptionContext }, workerKey);
    expect((await send({ a: "1" })).code).toBe(200);
    expect((await send({ a: "1", b: "2" })).code).toBe(403);
    expect((await send({})).code).toBe(403);
  });

  test("the grantee retires a grant only when it may, and others never", async () => {
    const keyId = await kit.newKey();
    const grant = async (more: object) =>
      (
        await kit.post(`/keys/${keyId}/grants`, {
          grantee: admin,
          operations: ["Encrypt"],
          ...more,
        })
      ).result.grant.grantId;
    const plain = await grant({});
    expect((await kit.post(`/grants/${plain}:retire`, {}, workerKey)).code).toBe(403);
    const named = await grant({ retiring: worker });
    expect((await kit.post(`/grants/${named}:retire`, {}, workerKey)).code).toBe(200);
  });

  test("a grant of what the key cannot do is refused", async () => {
    const keyId = await kit.newKey();
    const grant = { grantee: worker, operations: ["Sign"] };
    const { error } = await kit.post(`/keys/${keyId}/grants`, grant);
    expect(error?.reason).toBe("kms.grantInvalid");
  });
});

describe("key policies", () => {
  const allow = (principal: object, action: string[]) => ({
    effect: "allow",
    principal,
    action,
    resource: ["*"],
  });

  test("without the account's statement the account's policies do not count", async () => {
    const keyId = await kit.newKey();
    const document = {
      version: "1",
      statement: [
        allow({ user: [admin] }, ["kms:PutKeyPolicy", "kms:DescribeKey"]),
        allow({ user: [worker] }, ["kms:Encrypt"]),
      ],
    };
    const set = await kit.operations.api("PUT", `/v1/kms/keys/${keyId}/policy`, { document });
    expect(set.code).toBe(200);
    expect((await kit.post(`/keys/${keyId}:encrypt`, { plaintext }, workerKey)).code).toBe(200);
    expect((await kit.post(`/keys/${keyId}:encrypt`, { plaintext })).code).toBe(403);
    expect((await kit.get(`/keys/${keyId}`)).code).toBe(200);
  });

  test("a policy that would lock its author out is refused unless that is confirmed", async () => {
    const keyId = await kit.newKey();
    const document = { version: "1", statement: [allow({ user: [worker] }, ["kms:*"])] };
    const path = `/v1/kms/keys/${keyId}/policy`;
    const refused = await kit.operations.api("PUT", path, { document });
    expect(refused.error?.reason).toBe("kms.policyLocksOut");
    const body = { document, confirmLockOut: true };
    expect((await kit.operations.api("PUT", path, body)).code).toBe(200);
    expect((await kit.get(`/keys/${keyId}`)).code).toBe(403);
  });

  test("a deny in the key policy is over every allow", async () => {
    const keyId = await kit.newKey();
    const { result } = await kit.get(`/keys/${keyId}/policy`);
    const denied = { ...allow({ user: [admin] }, ["kms:Encrypt"]), effect: "deny" };
    const document = { version: "1", statement: [...result.document.statement, denied] };
    await kit.operations.api("PUT", `/v1/kms/keys/${keyId}/policy`, { document });
    expect((await kit.post(`/keys/${keyId}:encrypt`, { plaintext })).code).toBe(403);
    expect((await kit.post(`/keys/${keyId}:generateDataKey`)).code).toBe(200);
  });

  test("a condition on the encryption context holds", async () => {
    const keyId = await kit.newKey();
    const { result } = await kit.get(`/keys/${keyId}/policy`);
    const condition = { StringEquals: { "kms:EncryptionContext/app": "shop" } };
    const statement = { ...allow({ user: [worker] }, ["kms:Encrypt"]), condition };
    const document = { version: "1", statement: [...result.document.statement, statement] };
    await kit.operations.api("PUT", `/v1/kms/keys/${keyId}/policy`, { document });
    const send = (app: string) => {
      const encryptionContext = { app };
      return kit.post(`/keys/${keyId}:encrypt`, { plaintext, encryptionContext }, workerKey);
    };
    expect((await send("shop")).code).toBe(200);
    expect((await send("else")).code).toBe(403);
  });
});

describe("aliases", () => {
  test("an alias moves between like keys only, and names one key", async () => {
    const [first, second] = [await kit.newKey(), await kit.newKey()];
    const signs = await kit.newKey({ spec: "ECC_NIST_P256", usage: "SIGN_VERIFY" });
    const made = await kit.post("/aliases", { aliasName: "app/main", keyId: first });
    expect(made.code).toBe(200);
    const again = await kit.post("/aliases", { aliasName: "app/main", keyId: second });
    expect(again.error?.reason).toBe("kms.aliasExists");
    const move = (keyId: string) =>
      kit.operations.api("PATCH", "/v1/kms/aliases/app%2Fmain", { keyId });
    expect((await move(signs)).error?.reason).toBe("kms.aliasUnfit");
    expect((await move(second)).result.keyId).toBe(second);
  });
});

describe("other accounts", () => {
  test("a key of another account answers exactly as one that is not there", async () => {
    const keyId = await kit.newKey();
    const made = await kit.post(`/keys/${keyId}:encrypt`, { plaintext });
    const { ciphertext } = made.result;
    for (const [verb, body] of [
      ["encrypt", { plaintext }],
      ["decrypt", { ciphertext }],
      ["disable", {}],
      ["rotate", {}],
      ["generateDataKey", {}],
    ] as const) {
      const theirs = await kit.post(`/keys/${keyId}:${verb}`, body, strangerKey);
      const nobodys = await kit.post(`/keys/key-0000000000:${verb}`, body, strangerKey);
      expect(theirs).toEqual(nobodys);
      expect(theirs.code).toBe(404);
    }
    expect(await kit.get(`/keys/${keyId}`, strangerKey)).toEqual(
      await kit.get("/keys/key-0000000000", strangerKey),
    );
  });

  test("a ciphertext carried to a key of another account does not open", async () => {
    const keyId = await kit.newKey();
    const { result } = await kit.post(`/keys/${keyId}:encrypt`, { plaintext });
    const theirs = await kit.post("/keys", {}, strangerKey);
    const path = `/keys/${theirs.result.keyId}:decrypt`;
    const { error } = await kit.post(path, { ciphertext: result.ciphertext }, strangerKey);
    expect(error?.reason).toBe("kms.keyIncorrect");
  });

  test(`of ${FUZZ_REQUESTS} fuzzed requests of another account none succeeds`, async () => {
    const keyId = await kit.newKey();
    const { result } = await kit.post(`/keys/${keyId}:encrypt`, { plaintext });
    const grant = { grantee: worker, operations: ["Encrypt"] };
    const { grantId } = (await kit.post(`/keys/${keyId}/grants`, grant)).result.grant;
    const secret = await kit.post("/secrets", { name: `fuzz ${keyId}`, value: "v" });
    const { secretId } = secret.result;
    const before = await kit.get(`/keys/${keyId}`);
    const { ciphertext } = result;
    const bodies = [{}, { plaintext }, { ciphertext }, { bytes: 32 }, { pendingDays: 7 }];
    const verbs = ["encrypt", "decrypt", "disable", "rotate", "scheduleDeletion", "reEncrypt"];
    verbs.push("generateDataKey", "tag", "importParameters", "deleteMaterial", "replicate");
    const paths = [
      ...verbs.map((verb) => `/keys/${keyId}:${verb}`),
      `/keys/${keyId}/grants`,
      `/grants/${grantId}:retire`,
      `/secrets/${secretId}:getValue`,
      `/secrets/${secretId}:scheduleDeletion`,
      `/keys/${keyId}/versions/1:setState`,
    ];
    let succeeded = 0;
    for (let sent = 0; sent < FUZZ_REQUESTS; sent += 25) {
      const some = Array.from({ length: 25 }, () => {
        const path = paths[randomInt(paths.length)] ?? "";
        const body = { ...bodies[randomInt(bodies.length)], ...bodies[randomInt(bodies.length)] };
        return kit.post(path, body, strangerKey);
      });
      for (const { code } of await Promise.all(some)) if (code === 200) succeeded += 1;
    }
    expect(succeeded).toBe(0);
    const after = await kit.get(`/keys/${keyId}`);
    expect({ ...after.result, lastUseTime: 0 }).toEqual({ ...before.result, lastUseTime: 0 });
  }, 120_000);
});
