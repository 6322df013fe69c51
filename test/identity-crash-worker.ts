/**
 * The process that is killed: it carries out identity operations, all at once, and says each that
 * was acknowledged on a line of its own. It never ends by itself.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeSync } from "node:fs";
import { readConfig } from "../src/kernel/config.ts";
import { openOperations, PASSWORD, signIn } from "./service-kit.ts";

const AT_ONCE = 6;

// The data folder is another worker's until this one is told to go.
await once(process.stdin, "data");
const { call } = await openOperations(readConfig(process.env));

/** A line is written whole: what the parent reads was acknowledged. */
function acknowledged(kind: string, value: object): void {
  writeSync(1, `${JSON.stringify({ kind, ...value })}\n`);
}

/** An account of its own, so that no round meets the limits that an earlier one used up. */
async function ownAccount(): Promise<string> {
  const accountName = `crash-${randomBytes(6).toString("hex")}`;
  const first = { name: accountName, userName: "admin", password: PASSWORD };
  const operator = process.env.CORDON_TEST_KEY ?? "";
  const made = await call("POST", "/v1/account/accounts", { body: first, key: operator });
  acknowledged("made", { id: made.result.accountId });
  return signIn(call, { accountName, userName: "admin", password: PASSWORD });
}

const key = await ownAccount();
const api = (method: string, path: string, body?: unknown) => call(method, path, { body, key });

let count = 0;
type Made = { readonly [field: string]: unknown; readonly accessKey?: { accessKeyId: string } };

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

const anything = {
  version: "1",
  statement: [{ effect: "allow", action: "waf:*", resource: "*" }],
};

/** A policy, a group that has it, a user in the group, a key that signs, a role and its session. */
async function oneOfEach(): Promise<void> {
  count += 1;
  const name = `x${count}`;
  const made = async (path: string, body: object, idOf: (result: Made) => string) => {
    const answer = await api("POST", path, body);
    if (answer.code !== 200) throw new Error(`${path} was answered ${answer.code}`);
    const id = idOf(answer.result);
    acknowledged("made", { id });
    return id;
  };
  const policyId = await made("/v1/iam/policies", { name, document: anything }, (it) =>
    String(it.policyId),
  );
  const group = { name, policyIds: [policyId] };
  const groupId = await made("/v1/iam/groups", group, (it) => String(it.groupId));
  const user = { name, kind: "service" };
  const userId = await made("/v1/iam/users", user, (it) => String(it.userId));
  const joined = await api("POST", `/v1/iam/groups/${groupId}/members:add`, { userId });
  if (joined.code === 200) acknowledged("joined", { id: `${groupId} ${userId}` });
  await made("/v1/iam/accessKeys", { userId }, (it) => String(it.accessKey?.accessKeyId));
  const trust = { version: "1", statement: [{ effect: "allow", principal: { user: userId } }] };
  await made("/v1/iam/roles", { name, trust, policyIds: [policyId] }, (it) => String(it.roleId));
}

writeSync(1, '{"kind":"ready"}\n');
for (let worker = 0; worker < AT_ONCE; worker += 1) {
  void (async () => {
    const step = worker === 0 ? oneOfEach : oneUser;
    for (;;) await step().catch(() => new Promise((resolve) => setTimeout(resolve, 20)));
  })();
}
