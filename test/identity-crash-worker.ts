/**
 * The process that is killed: it carries out identity operations, all at once, and says each that
 * was acknowledged on a line of its own. It never ends by itself.
 */
import { writeSync } from "node:fs";
import { readConfig } from "../src/kernel/config.ts";
import { openOperations, PASSWORD } from "./service-kit.ts";

const AT_ONCE = 6;
const key = process.env.CORDON_TEST_KEY ?? "";
const { call } = await openOperations(readConfig(process.env));

const api = (method: string, path: string, body?: unknown) => call(method, path, { body, key });

/** A line is written whole: what the parent reads was acknowledged. */
function acknowledged(kind: string, value: object): void {
  writeSync(1, `${JSON.stringify({ kind, ...value })}\n`);
}

let count = 0;

async function oneUser(): Promise<void> {
  count += 1;
  const name = `u${process.pid}-${count}`;
  const invited = count % 3 === 0;
  const path = invited ? "/v1/iam/invitations" : "/v1/iam/users";
  const made = await api("POST", path, invited ? { name } : { name, kind: "service" });
  if (made.code !== 200) return;
  const userId: string = invited ? made.result.invitation.userId : made.result.userId;
  acknowledged("user", { userId });
  if (invited) {
    const token: string = made.result.link.split("#")[1];
    const body = { token, password: PASSWORD };
    const accepted = await call("POST", "/v1/iam/invitations:accept", { body, key: "" });
    if (accepted.code === 200) acknowledged("accepted", { token });
    return;
  }
  const bearer = await api("POST", "/v1/iam/bearerKeys", { userId, name: "k" });
  if (bearer.code !== 200) return;
  const { secret } = bearer.result;
  acknowledged("key", { secret });
  const disabled =
    count % 4 === 0 ? await api("PATCH", `/v1/iam/users/${userId}`, { enabled: false }) : undefined;
  if (disabled?.code === 200) acknowledged("disabled", { secret });
  const deleted = count % 5 === 0 ? await api("DELETE", `/v1/iam/users/${userId}`) : undefined;
  if (deleted?.code === 200) acknowledged("deleted", { userId, secret });
}

writeSync(1, '{"kind":"ready"}\n');
for (let worker = 0; worker < AT_ONCE; worker += 1) {
  void (async () => {
    for (;;) await oneUser().catch(() => new Promise((resolve) => setTimeout(resolve, 20)));
  })();
}
