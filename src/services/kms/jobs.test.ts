/** Promises of what happens to keys by itself, at a time that the test says. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { base64, type KmsKit, startKms, wrapMaterial } from "../../../test/kms-kit.ts";
import { runDue } from "./jobs.ts";

const DAY_MS = 86_400_000;

let kit: KmsKit;
beforeAll(async () => {
  kit = await startKms();
});
afterAll(() => kit?.stop());

/** Runs the job as it would run so many days from now; a key that fails fails the test. */
async function runAfter(days: number): Promise<void> {
  const faults: unknown[] = [];
  const clock = () => Date.now() + days * DAY_MS;
  await runDue({ ...kit.kms, clock, report: (line) => faults.push(line) });
  expect(faults).toEqual([]);
}

const keyOf = async (keyId: string) => (await kit.get(`/keys/${keyId}`)).result;

test("a key rotates by itself when its period is over, not before, and opens what it sealed", async () => {
  const keyId = await kit.newKey();
  const { result } = await kit.post(`/keys/${keyId}:encrypt`, { plaintext: base64("x") });
  await kit.post(`/keys/${keyId}:enableRotation`, { rotationPeriodDays: 90 });
  await runAfter(89);
  expect((await keyOf(keyId)).currentVersion).toBe(1);
  await runAfter(91);
  const rotated = await keyOf(keyId);
  expect(rotated.currentVersion).toBe(2);
  // Counted from the rotation, so a job that comes again at once finds nothing due.
  await runAfter(92);
  expect((await keyOf(keyId)).currentVersion).toBe(2);
  const versions = await kit.get(`/keys/${keyId}/versions`);
  const kinds = versions.result.keyVersions.map((one: { rotation: string }) => one.rotation);
  expect(kinds).toContain("automatic");
  const { ciphertext } = result;
  const opened = await kit.post(`/keys/${keyId}:decrypt`, { ciphertext });
  expect(opened.result.plaintext).toBe(base64("x"));
});

test("a disabled key does not rotate", async () => {
  const keyId = await kit.newKey();
  await kit.post(`/keys/${keyId}:enableRotation`, { rotationPeriodDays: 90 });
  await kit.post(`/keys/${keyId}:disable`);
  await runAfter(91);
  expect((await keyOf(keyId)).currentVersion).toBe(1);
});

test("a key waits its days, can be taken back until then, and is gone with its material after", async () => {
  const keyId = await kit.newKey();
  const saved = await kit.newKey();
  const { result } = await kit.post(`/keys/${keyId}:encrypt`, { plaintext: base64("x") });
  for (const id of [keyId, saved]) {
    await kit.post(`/keys/${id}:scheduleDeletion`, { pendingDays: 7 });
  }
  const again = await kit.post(`/keys/${keyId}:scheduleDeletion`, { pendingDays: 30 });
  expect(again.error?.reason).toBe("kms.keyStateInvalid");
  await runAfter(6);
  expect((await keyOf(keyId)).state).toBe("pendingDeletion");
  expect((await kit.post(`/keys/${saved}:cancelDeletion`)).code).toBe(200);
  await runAfter(8);
  expect((await keyOf(saved)).state).toBe("disabled");
  expect((await kit.get(`/keys/${keyId}`)).error?.reason).toBe("kms.keyNotFound");
  const { ciphertext } = result;
  const refused = await kit.post(`/keys/${keyId}:decrypt`, { ciphertext });
  expect(refused.error?.reason).toBe("kms.keyNotFound");
  const left = await kit.operations.database.transaction(
    "system",
    (sql) => sql<{ count: number }>`
      select count(*)::integer as count from kms_key_version v
      where not exists (select from kms_key k where k.material_id = v.material_id)`,
  );
  expect(left[0]?.count).toBe(0);
});

test("imported material is gone at its time, and the same can be brought in again", async () => {
  const keyId = await kit.newKey({ origin: "EXTERNAL" });
  const material = Buffer.alloc(32, 9);
  const expireTime = new Date(Date.now() + 2 * DAY_MS).toISOString();
  const first = await wrapMaterial(kit, keyId, material);
  expect((await kit.post(`/keys/${keyId}:importMaterial`, { ...first, expireTime })).code).toBe(
    200,
  );
  const { result } = await kit.post(`/keys/${keyId}:encrypt`, { plaintext: base64("x") });
  await runAfter(1);
  expect((await keyOf(keyId)).state).toBe("enabled");
  await runAfter(3);
  expect((await keyOf(keyId)).state).toBe("pendingImport");
  const { ciphertext } = result;
  const refused = await kit.post(`/keys/${keyId}:decrypt`, { ciphertext });
  expect(refused.error?.reason).toBe("kms.keyStateInvalid");
  const other = await wrapMaterial(kit, keyId, Buffer.alloc(32, 8));
  const different = await kit.post(`/keys/${keyId}:importMaterial`, other);
  expect(different.error?.reason).toBe("kms.materialDifferent");
  await kit.post(`/keys/${keyId}:importMaterial`, await wrapMaterial(kit, keyId, material));
  const opened = await kit.post(`/keys/${keyId}:decrypt`, { ciphertext });
  expect(opened.result.plaintext).toBe(base64("x"));
});
