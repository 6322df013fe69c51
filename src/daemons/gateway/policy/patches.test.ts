import { afterAll, beforeAll, expect, test } from "vitest";
import { virtualPatches } from "../../../kernel/rules/patches.ts";
import { startGuarded, statusOf } from "./test-kit.ts";

let guarded: Awaited<ReturnType<typeof startGuarded>>;
beforeAll(async () => {
  guarded = await startGuarded();
});
afterAll(() => guarded?.stop());

const patches = virtualPatches();

test("there are patches", () => {
  expect(patches.map(({ patchId }) => patchId)).toContain("CVE-2021-44228");
});

test.each(patches.map((patch) => [patch.patchId, patch] as const))(
  "%s stops each of its attacks and none of the ordinary requests beside them",
  async (patchId, { title, when, tests }) => {
    const use = { patchId, name: title, when, action: "block", expiresAt: null } as const;
    guarded.use({ patches: [use] });
    const statusFor = async (request: (typeof tests.hits)[number]) => {
      const { method, body } = request;
      const target = encodeURI(request.target).replaceAll("%25", "%");
      const fields = request.headers.map((line) => `${line}\r\n`).join("");
      return statusOf(await guarded.ask(target, { method, fields, body }));
    };
    for (const hit of tests.hits) {
      expect(await statusFor(hit), JSON.stringify(hit)).toBe(403);
      expect(guarded.decisions()).toMatchObject([{ kind: "patch", id: patchId }]);
    }
    for (const miss of tests.misses) {
      expect(await statusFor(miss), JSON.stringify(miss)).toBe(200);
    }
  },
);
