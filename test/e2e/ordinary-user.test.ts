/** The whole of Cordon for a user without any privilege, from a copy of its own. */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startShop } from "../../examples/shop/main.ts";
import { programFolder } from "../../src/kernel/config.ts";
import { postgresBinaries } from "../../src/kernel/postgres/binaries.ts";
import { copyProgram } from "../program-copy.ts";
import { processesOf, type Stack, startStack, until } from "../stack.ts";

const HOST = "user.localhost";
const NOBODY = 65_534;
/** No line of /etc/passwd names it, as in a container that is run with a number. */
const NAMELESS = 54_321;
const hasRules = existsSync("/usr/share/modsecurity-crs/rules");
const ATTACK = `/?id=${encodeURIComponent("1' union select password from customer -- ")}`;

/** Why it cannot be tried here; undefined when it can. */
function unavailable(user: number): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  const as = ["--reuid", String(user), "--regid", String(user), "--clear-groups"];
  const node = join(programFolder, "node_modules", `node-linux-${process.arch}`, "bin", "node");
  const runs = spawnSync("setpriv", [...as, node, "--version"], { stdio: "ignore" });
  return runs.status === 0 ? undefined : "node_modules cannot be read by other users";
}

let stack: Stack | undefined;
let copy = "";

afterEach(async () => {
  await stack?.stop();
  stack = undefined;
  rmSync(copy, { recursive: true, force: true });
});

for (const [who, user] of [
  ["nobody", NOBODY],
  ["a user without a name", NAMELESS],
] as const) {
  const why = unavailable(user);
  const title = `${who} starts Cordon from a fresh copy, protects a site and stops it all`;
  test.skipIf(why !== undefined)(
    `${title}${why === undefined ? "" : ` (skipped: ${why})`}`,
    { timeout: 180_000 },
    async () => {
      // The package's library links are made by its owner.
      postgresBinaries();
      copy = copyProgram({ user });
      const at = await startStack({ copy: { folder: copy, user } });
      stack = at;
      const processes = (await at.status()).map(({ name }) => name);
      expect(processes).toEqual(["supervisor", "postgres", "keyd", "lake", "server", "gateway"]);
      const shop = await startShop();
      await at.api("POST", "/v1/waf/sites", {
        domains: [HOST],
        upstreams: [`http://127.0.0.1:${shop.port}`],
        mode: "block",
      });
      await until("the site is served", async () => (await at.site(HOST, "/")).code === 200);
      if (hasRules) expect((await at.site(HOST, ATTACK)).code).toBe(403);
      await until("its events are in the lake", async () => {
        const { result } = await at.api("GET", "/v1/events/events?pageSize=1");
        return result.totalCount > 0;
      });
      expect((await at.run("audit", "verify")).code).toBe(0);
      expect(await at.run("down")).toMatchObject({ code: 0, text: "Cordon is down.\n" });
      expect(processesOf(at.dataFolder)).toEqual([]);
      await shop.stop();
    },
  );
}
