/** Credentials that have ended: deleted, disabled, expired, revoked, of a user who left. */
import { readConfig } from "../../src/kernel/config.ts";
import { connectionFor } from "../../src/kernel/postgres/connection.ts";
import { openDatabase } from "../../src/kernel/store/database.ts";
import { PASSWORD, type Stack } from "../stack.ts";
import { trusting } from "./more-credentials.ts";

/** Makes them in the account of the stack and in the stranger's, as bearer secrets. */
export async function deadCredentials(stack: Stack, stranger: string): Promise<string[]> {
  return [
    ...(await deadOf(stack, stack.key)),
    ...(await deadOf(stack, stranger)),
    ...["cordon_", `cordon_${"a".repeat(43)}`, "x"],
  ];
}

async function deadOf(stack: Stack, key: string): Promise<string[]> {
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
  const [deleted, expired] = [await keyOf(first), await keyOf(first)];
  const [disabled, cascaded] = [await keyOf(left), await keyOf(gone)];
  const role = { name: "dead", trust: trusting({ user: left }), policyIds };
  const { roleId } = (await as("POST", "/v1/iam/roles", role)).result;
  const path = `/v1/sts/roles/${roleId}:assume`;
  const assumed = await stack.api("POST", path, { sessionName: "dead" }, disabled.result.secret);
  const directory = await as("POST", "/v1/iam/scimCredentials", { name: "dead" });
  const { scimCredentialId } = directory.result.scimCredential;
  await as("DELETE", `/v1/iam/scimCredentials/${scimCredentialId}`);
  await as("DELETE", `/v1/iam/bearerKeys/${deleted.result.bearerKey.bearerKeyId}`);
  await as("PATCH", `/v1/iam/users/${left}`, { enabled: false });
  await as("DELETE", `/v1/iam/users/${gone}`);
  await expire(stack, expired.result.bearerKey.bearerKeyId);
  return [
    ...[deleted, expired, disabled, cascaded, directory].map((made) => made.result.secret),
    assumed.result.bearerKey,
  ];
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
