import { spawnSync } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { spawnKeyd } from "../spawned-keyd.ts";
import { makeSoftTpm, softTpmAvailable } from "./soft-tpm.ts";

const secret = Buffer.from("a secret");

async function started(env: Record<string, string> = {}) {
  const tpm = await makeSoftTpm();
  onTestFinished(() => tpm.remove());
  const all = { CORDON_KEYS_ROOT: "tpm", CORDON_TPM_TCTI: tpm.tcti, ...env };
  const keyd = await spawnKeyd({ env: all });
  onTestFinished(() => keyd.remove());
  return { tpm, keyd, client: keyd.client };
}

function tool(tcti: string, name: string, args: readonly string[]) {
  return spawnSync(name, [...args], { env: { ...process.env, TPM2TOOLS_TCTI: tcti } });
}

describe.skipIf(!softTpmAvailable)("a root sealed by a TPM 2.0 (swtpm, tpm2-tools)", () => {
  test("keys open after a power cycle of the TPM, and another TPM does not open them", async () => {
    const { tpm, keyd, client } = await started();
    const sealed = await client.seal("test", "acc-one", secret);
    await keyd.end("SIGKILL");
    await tpm.stop();
    await tpm.start();
    await keyd.start();
    expect(await client.open("test", "acc-one", sealed)).toEqual(secret);
    expect(await client.health()).toMatchObject({ state: "ready", root: "tpm" });
    const other = await makeSoftTpm();
    onTestFinished(() => other.remove());
    const elsewhere = await spawnKeyd({
      dataFolder: copyOf(keyd.dataFolder),
      env: { CORDON_TPM_TCTI: other.tcti },
    });
    onTestFinished(() => elsewhere.remove());
    const tried = elsewhere.client.open("test", "acc-one", sealed);
    await expect(tried).rejects.toMatchObject({ reason: "unavailable" });
  }, 60_000);

  test("bound to a PCR, it does not open once that PCR has changed", async () => {
    const { tpm, keyd, client } = await started({ CORDON_TPM_PCRS: "sha256:16" });
    const sealed = await client.seal("test", "acc-one", secret);
    await keyd.end();
    await keyd.start();
    expect(await client.open("test", "acc-one", sealed)).toEqual(secret);
    await keyd.end();
    const extended = tool(tpm.tcti, "tpm2_pcrextend", [`16:sha256=${"ab".repeat(32)}`]);
    expect(extended.status).toBe(0);
    await keyd.start();
    const tried = client.open("test", "acc-one", sealed);
    await expect(tried).rejects.toMatchObject({ reason: "unavailable" });
    expect((await client.health()).stateReason).toContain("tpm2_unseal");
    await tpm.stop();
    await tpm.start();
    expect(await client.open("test", "acc-one", sealed)).toEqual(secret);
  }, 60_000);

  test("nothing is left loaded in the TPM, and the root stands in no file", async () => {
    const { tpm, keyd, client } = await started();
    await client.seal("test", "acc-one", secret);
    const handles = tool(tpm.tcti, "tpm2_getcap", ["handles-transient"]);
    expect(handles.stdout.toString().trim()).toBe("");
    const record = JSON.parse(
      readFileSync(join(keyd.dataFolder, "keys", "tpm-root.json"), "utf8"),
    ) as object;
    expect(Object.keys(record).sort()).toEqual(
      ["counterIndex", "format", "id", "pcrs", "private", "public"].sort(),
    );
  }, 60_000);
});

function copyOf(dataFolder: string): string {
  const copy = `${dataFolder}-copy`;
  cpSync(join(dataFolder, "keys"), join(copy, "keys"), { recursive: true });
  return copy;
}
