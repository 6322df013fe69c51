/** Project Wycheproof's vectors through the pipeline; `cordon conformance` runs all over HTTP. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newScore, runFile } from "../../src/cli/conformance-wycheproof-run.ts";
import { programFolder } from "../../src/kernel/config.ts";
import { type KmsKit, startKms } from "../kms-kit.ts";

const VECTORS = join(programFolder, "..", "shared", "conformance", "wycheproof");
const FILES = [
  "aes_gcm_test.json",
  "rsa_oaep_2048_sha256_mgf1sha256_test.json",
  "rsa_pss_2048_sha256_mgf1_32_test.json",
  "rsa_signature_3072_sha384_test.json",
];
const missing = FILES.some((name) => !existsSync(join(VECTORS, name)));

describe.skipIf(missing)("wycheproof (needs ../shared/conformance/wycheproof)", () => {
  let kit: KmsKit;
  beforeAll(async () => {
    kit = await startKms();
  });
  afterAll(() => kit?.stop());

  test("every expected answer is given, no invalid one is accepted, the rest is named", async () => {
    const score = newScore();
    const ask: Parameters<typeof runFile>[0] = async ({ method, path, body }) => {
      const { code, result, error } = await kit.operations.api(method, path, body);
      if (error === undefined) return { requestId: "", result };
      return { requestId: "", error: { code, message: "", fix: "", ...error, details: [] } };
    };
    for (const name of FILES) {
      const content = JSON.parse(readFileSync(join(VECTORS, name), "utf8"));
      await runFile(ask, score, { name, content });
    }
    expect(score.failures).toEqual([]);
    expect(score.invalidAccepted).toBe(0);
    expect(score.passed).toBeGreaterThan(390);
    expect(score.notApplicable.map(({ file }) => file)).toContain("aes_gcm_test.json");
  });
});
