import { afterAll, beforeAll, expect, test } from "vitest";
import { beginTransaction, compileExclusions } from "../../../engines/seclang/engine.ts";
import { createInspectors } from "../inspector.ts";
import { startGuarded, statusOf } from "./test-kit.ts";

let guarded: Awaited<ReturnType<typeof startGuarded>>;
beforeAll(async () => {
  guarded = await startGuarded({
    inspectorOf: createInspectors({ beginTransaction, compileExclusions }, () => {
      throw new Error("no rule set is installed here");
    }).of,
  });
});
afterAll(() => guarded?.stop());

const secLang = `SecRule REQUEST_HEADERS:X-Debug "@streq 1" "id:1,phase:1,deny,msg:'debug head'"
SecRule ARGS_POST:role "@streq admin" "id:2,phase:2,deny,msg:'role by form'"`;

test("rules of a site's own refuse by head and body, and the event names them", async () => {
  guarded.use({ secLang });
  const status = async (given: Parameters<typeof guarded.ask>[1]) =>
    statusOf(await guarded.ask("/", given));
  expect(await status({ fields: "X-Debug: 1\r\n" })).toBe(403);
  const fields = "Content-Type: application/x-www-form-urlencoded\r\n";
  expect(await status({ method: "POST", fields, body: "role=admin" })).toBe(403);
  expect(guarded.events.at(-1)?.unmapped.cordon.matches.map(({ ruleId }) => ruleId)).toContain(2);
  expect(await status({ method: "POST", fields, body: "role=user" })).toBe(200);
  guarded.use({ secLang }, { mode: "observe" });
  expect(await status({ fields: "X-Debug: 1\r\n" })).toBe(200);
  expect(guarded.events.at(-1)?.unmapped.cordon.wouldBlock).toBe(true);
  guarded.use({ secLang: "" });
  expect(await status({ fields: "X-Debug: 1\r\n" })).toBe(200);
});

test("a rule's own status is answered, and its redirect with a location that ends no field", async () => {
  const redirecting = `SecRule ARGS:a "@streq 1" "id:1,phase:1,deny,status:429"
SecRule ARGS:to "@rx ." "id:2,phase:1,redirect:https://help.example/%{ARGS.to}"
SecRule ARGS:moved "@streq 1" "id:3,phase:1,redirect:/new,status:308"
SecRule RESPONSE_STATUS "@streq 200" "id:4,phase:3,chain,redirect:/later"
  SecRule ARGS:late "@streq 1"`;
  guarded.use({ secLang: redirecting });
  const headOf = async (path: string) =>
    String(await guarded.ask(path, {})).split("\r\n\r\n", 1)[0] ?? "";
  expect(await headOf("/?a=1")).toMatch(/^HTTP\/1.1 429 /);
  const injected = await headOf("/?to=x%0d%0aSet-Cookie:%20a=1%e9");
  expect(injected).toMatch(/^HTTP\/1.1 302 /);
  expect(injected).toContain("\r\nLocation: https://help.example/x%0D%0ASet-Cookie:%20a=1%E9\r\n");
  expect(injected).not.toMatch(/^set-cookie/im);
  expect(await headOf("/?moved=1")).toMatch(/^HTTP\/1.1 308 [\s\S]*\r\nLocation: \/new\r\n/);
  expect(await headOf("/?late=1")).toMatch(/^HTTP\/1.1 302 [\s\S]*\r\nLocation: \/later\r\n/);
  expect(guarded.events.at(-1)?.status_detail).toBe("blockedByRules");
});

test("own rules count over the requests of a client", async () => {
  const counting = `SecAction "id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR}"
SecRule REQUEST_HEADERS:X-Try "@streq 1" "id:2,phase:1,pass,nolog,setvar:ip.tries=+1"
SecRule IP:tries "@gt 2" "id:3,phase:1,deny,msg:'too many tries'"`;
  guarded.use({ secLang: counting });
  const statuses: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    statuses.push(statusOf(await guarded.ask("/", { fields: "X-Try: 1\r\n" })));
  }
  expect(statuses).toEqual([200, 200, 403]);
  // A change of the site forgets nothing.
  guarded.use({ secLang: counting });
  expect(statusOf(await guarded.ask("/", {}))).toBe(403);
});
