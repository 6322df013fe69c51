/** Promises of secrets: versions, rotation, retrieval that leaves a record, and no stranger. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type KmsKit, startKms } from "../../../test/kms-kit.ts";
import { PASSWORD } from "../../../test/service-kit.ts";
import { rotateDueSecrets } from "./secret-jobs.ts";

const DAY_MS = 86_400_000;

let kit: KmsKit;
let strangerKey: string;
beforeAll(async () => {
  kit = await startKms();
  const other = { name: "other", userName: "eve", password: PASSWORD };
  await kit.operations.api("POST", "/v1/account/accounts", other);
  strangerKey = await kit.operations.keyOf("other", "eve");
});
afterAll(() => kit?.stop());

const fetchValue = async (secretId: string, version?: number) =>
  (await kit.post(`/secrets/${secretId}:getValue`, version === undefined ? {} : { version })).result
    .value;

async function runAfter(days: number): Promise<void> {
  const faults: unknown[] = [];
  const clock = () => Date.now() + days * DAY_MS;
  await rotateDueSecrets({ ...kit.kms, clock, report: (line) => faults.push(line) });
  expect(faults).toEqual([]);
}

test("a new value becomes the current version, and the old one can be fetched until disabled", async () => {
  const made = await kit.post("/secrets", { name: "shop-db", value: "first" });
  const { secretId } = made.result;
  expect(JSON.stringify(made.result)).not.toContain("first");
  await kit.post(`/secrets/${secretId}:putValue`, { value: "second" });
  expect(await fetchValue(secretId)).toBe("second");
  expect(await fetchValue(secretId, 1)).toBe("first");
  await kit.post(`/secrets/${secretId}/versions/1:setState`, { state: "disabled" });
  const refused = await kit.post(`/secrets/${secretId}:getValue`, { version: 1 });
  expect(refused.error?.reason).toBe("kms.secretStateInvalid");
  const versions = await kit.get(`/secrets/${secretId}/versions`);
  expect(versions.result.totalCount).toBe(2);
  expect(JSON.stringify(versions.result)).not.toContain("second");
  const taken = await kit.post("/secrets", { name: "shop-db", value: "other" });
  expect(taken.error?.reason).toBe("kms.secretNameTaken");
});

test("each retrieval is in the audit log with its caller, and neither it nor the making has the value", async () => {
  const value = "words that nobody else would write";
  const { secretId } = (await kit.post("/secrets", { name: "audited", value })).result;
  await fetchValue(secretId);
  await kit.operations.recorded();
  const query = "pageSize=100&sorts.1.name=time&sorts.1.direction=desc";
  const { result } = await kit.operations.api("GET", `/v1/audit/entries?${query}`);
  const entries: { operation: string; resource: string; principalName: string }[] = result.entries;
  const fetched = entries.filter(({ operation }) => operation === "kms.getSecretValue");
  expect(fetched.filter(({ resource }) => resource.endsWith(`secret/${secretId}`))).toHaveLength(1);
  expect(fetched[0]?.principalName).toBe("admin");
  expect(JSON.stringify(result)).not.toContain(value);
});

test("one that cannot be recorded is not given", async () => {
  const { secretId } = (await kit.post("/secrets", { name: "unrecorded", value: "v" })).result;
  kit.operations.refuseRecords(true);
  const refused = await kit.post(`/secrets/${secretId}:getValue`);
  kit.operations.refuseRecords(false);
  expect([refused.error?.reason, refused.result]).toEqual(["kernel.auditUnavailable", undefined]);
});

test("a stranger is told the same of a secret that is there and of one that is not", async () => {
  const { secretId } = (await kit.post("/secrets", { name: "hidden", value: "v" })).result;
  const calls = ["getValue", "rotate", "scheduleDeletion"];
  for (const verb of calls) {
    const there = await kit.post(`/secrets/${secretId}:${verb}`, {}, strangerKey);
    const absent = await kit.post(`/secrets/scr-0000000000:${verb}`, {}, strangerKey);
    expect(there.code).not.toBe(200);
    expect(there.error).toEqual(absent.error);
  }
  const list = await kit.get("/secrets", strangerKey);
  expect(list.result.totalCount).toBe(0);
});

test("a generated secret gets another value when its period is over; one of yours only a reminder", async () => {
  const generate = { characters: 32, alphabet: "alphanumeric" };
  const made = await kit.post("/secrets", { name: "made", generate, rotationPeriodDays: 30 });
  const own = await kit.post("/secrets", { name: "own", value: "mine", rotationPeriodDays: 30 });
  expect([made.code, own.code]).toEqual([200, 200]);
  const { secretId } = made.result;
  const before = await fetchValue(secretId);
  expect(before).toHaveLength(32);
  await runAfter(29);
  expect(await fetchValue(secretId)).toBe(before);
  await runAfter(31);
  const after = await fetchValue(secretId);
  expect(after).toHaveLength(32);
  expect(after).not.toBe(before);
  expect(await fetchValue(secretId, 1)).toBe(before);
  expect(await fetchValue(own.result.secretId)).toBe("mine");
  const told = await kit.operations.database.transaction(
    "system",
    (sql) => sql<{ type: string }>`select event->>'type' as type from outbox`,
  );
  const types = told.map(({ type }) => type);
  expect(types).toContain("kms.secretRotated");
  expect(types).toContain("kms.secretRotationDue");
});

test("a secret waits its days and is gone with all its versions after", async () => {
  const { secretId } = (await kit.post("/secrets", { name: "ends", value: "v" })).result;
  await kit.post(`/secrets/${secretId}:scheduleDeletion`, { pendingDays: 7 });
  const waiting = await kit.post(`/secrets/${secretId}:getValue`);
  expect(waiting.error?.reason).toBe("kms.secretStateInvalid");
  await runAfter(6);
  expect((await kit.get(`/secrets/${secretId}`)).code).toBe(200);
  await runAfter(8);
  expect((await kit.get(`/secrets/${secretId}`)).error?.reason).toBe("kms.secretNotFound");
});
