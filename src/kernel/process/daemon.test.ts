/** A daemon as a real child process: what it leaves behind while it runs. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "cordon-daemon-"));
let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test("what it has compiled is kept before it ends, for the start after a kill", async () => {
  const main = join(folder, "main.ts");
  writeFileSync(
    main,
    `import { runDaemon } from ${JSON.stringify(join(import.meta.dirname, "daemon.ts"))};
    const stop = async (): Promise<void> => {};
    await runDaemon({ name: "idle", start: async () => ({ stop }) });`,
  );
  const cache = join(folder, "cache");
  const env = { ...process.env, NODE_COMPILE_CACHE: cache };
  child = fork(main, [], { env, execArgv: [] });
  await once(child, "message");
  const kept = (): number => readdirSync(cache, { recursive: true }).length;
  // A folder of this Node's, with a file for each of the modules above.
  while (kept() < 3 && child.exitCode === null) await sleep(20);
  expect(kept()).toBeGreaterThanOrEqual(3);
  expect(child.exitCode).toBeNull();
});
