/** Credentials that have ended: deleted, disabled, expired, revoked, of a user who left. */
import { readConfig } from "../../src/kernel/config.ts";
import { connectionFor } from "../../src/kernel/postgres/connection.ts";
import { openDatabase } from "../../src/kernel/store/database.ts";
import type { SigningKey } from "../signed-client.ts";
import { type ApiReply, PASSWORD, rawApi, type Stack } from "../stack.ts";
import { trusting } from "./more-credentials.ts";

/** A credential that has ended, in the form in which it is sent. */
export type Dead = { readonly name: string } & (
  | { readonly headers: Record<string, string> }
  | { readonly signingKey: SigningKey }
);

const bearer = (name: string, secret: string): Dead => ({
  ...{ name, headers: { authorization: `Bearer ${secret}` } },
});

/** Makes them in the account of the stack and in the stranger's. */
export async function deadCredentials(
  stack: Stack,
  stranger: { readonly key: string; readonly accountName: string },
): Promise<Dead[]> {
  return [
    ...(await deadOf(stack, { key: stack.key, accountName: "main" })),
    ...(await deadOf(stack, stranger)),
    ...["cordon_", `cordon_${"a".repeat(43)}`, "x"].map((text) => bearer("made up", text)),
    { name: "none", headers: {} },
  ];
}

async function deadOf(
  stack: Stack,
  { key, accountName }: { key: string; accountName: string },
): Promise<Dead[]> {
  const as = (method: string, path: string, body?: unknown) => stack.api(method, path, body, key);
  const { result } = await as("GET", "/v1/iam/policies");
  const found = result.policies.find((one: { name: string }) => one.name === "Administrator");
  const policyIds = [found.policyId];
  const user = async (name: string): Promise<string> => {
    const made = await as("POST", "/v1/iam/users", { name, password: PASSWORD, policyIds });
    return made.result.userId;
  };
  const keyOf = (userId: string) => as("POST", "/v1/iam/bearerKeys", { userId, name: "dead" });
  const [first, left, gone] = [await user("dead-1"), await user("dead-2"), await user("dead-3")];
  const signing = [...(await deadSigningKeys(as, first)), await signingKeyOf(as, left)];
  const sessions = [
    await endedSession(stack, { accountName, userName: "dead-1" }, as),
    await signedOut(stack, { accountName, userName: "dead-1" }),
    await liveSession(stack, { accountName, userName: "dead-2" }),
  ];
  const [deleted, expired] = [await keyOf(first), await keyOf(first)];
  const [disabled, cascaded] = [await keyOf(left), await keyOf(gone)];
  const role = { name: "dead", trust: trusting({ user: left }), policyIds };
  const { roleId } = (await as("POST", "/v1/iam/roles", role)).result;
  const path = `/v1/sts/roles/${roleId}:assume`;
  const assume = () => stack.api("POST", path, { sessionName: "dead" }, disabled.result.secret);
  const before = await assume();
  await as("POST", `/v1/iam/roles/${roleId}:revokeSessions`, {});
  const assumed = await assume();
  const directory = await as("POST", "/v1/iam/scimCredentials", { name: "dead" });
  const { scimCredentialId } = directory.result.scimCredential;
  await as("DELETE", `/v1/iam/scimCredentials/${scimCredentialId}`);
  await as("DELETE", `/v1/iam/bearerKeys/${deleted.result.bearerKey.bearerKeyId}`);
  await as("PATCH", `/v1/iam/users/${left}`, { enabled: false });
  await as("DELETE", `/v1/iam/users/${gone}`);
  await expire(stack, expired.result.bearerKey.bearerKeyId);
  return [
    bearer("deleted key", deleted.result.secret),
    bearer("expired key", expired.result.secret),
    bearer("key of a disabled user", disabled.result.secret),
    bearer("key of a deleted user", cascaded.result.secret),
    bearer("deleted directory", directory.result.secret),
    bearer("role session before the mark", before.result.bearerKey),
    bearer("role session of a disabled user", assumed.result.bearerKey),
    ...signing.map((signingKey) => ({ name: "signing key that has ended", signingKey })),
    ...sessions.map((headers) => ({ name: "console session that has ended", headers })),
  ];
}

type As = (method: string, path: string, body?: unknown) => Promise<ApiReply>;

async function signingKeyOf(as: As, userId: string): Promise<SigningKey> {
  const { result } = await as("POST", "/v1/iam/accessKeys", { userId });
  return { accessKeyId: result.accessKey.accessKeyId, secret: result.secret };
}

/** One that was disabled and one that was deleted. */
async function deadSigningKeys(as: As, userId: string): Promise<SigningKey[]> {
  const [disabled, deleted] = [await signingKeyOf(as, userId), await signingKeyOf(as, userId)];
  await as("PATCH", `/v1/iam/accessKeys/${disabled.accessKeyId}`, { enabled: false });
  await as("DELETE", `/v1/iam/accessKeys/${deleted.accessKeyId}`);
  return [disabled, deleted, { ...disabled, secret: "a".repeat(40) }];
}

type Who = { readonly accountName: string; readonly userName: string };

/** The headers of a browser that has signed in. */
async function liveSession({ consolePort }: Stack, who: Who): Promise<Record<string, string>> {
  const path = "/v1/iam/session:signIn";
  const body = { ...who, password: PASSWORD };
  const { text, cookie } = await rawApi(consolePort, { method: "POST", path, body });
  return { cookie, "x-cordon-csrf": JSON.parse(text).result.csrfToken };
}

async function signedOut(stack: Stack, who: Who): Promise<Record<string, string>> {
  const headers = await liveSession(stack, who);
  const path = "/v1/iam/session:signOut";
  await rawApi(stack.consolePort, { method: "POST", path, body: {}, headers });
  return headers;
}

/** A session that an administrator revoked. */
async function endedSession(stack: Stack, who: Who, as: As): Promise<Record<string, string>> {
  const headers = await liveSession(stack, who);
  const { result } = await as("GET", "/v1/iam/sessions");
  const users = await as("GET", "/v1/iam/users");
  const named = (one: { name: string }) => one.name === who.userName;
  const { userId } = users.result.users.find(named);
  for (const session of result.sessions) {
    if (session.userId === userId) await as("DELETE", `/v1/iam/sessions/${session.sessionId}`);
  }
  return headers;
}

/** Nobody waits a minute in a test: the time is put back where it is kept. */
async function expire({ env }: Stack, bearerKeyId: string): Promise<void> {
  const database = openDatabase(connectionFor(readConfig(env)));
  await database.transaction(
    "system",
    (sql) => sql`update bearer_key
    set expire_time = now() - interval '1 second' where bearer_key_id = ${bearerKeyId}`,
  );
  await database.close();
}
