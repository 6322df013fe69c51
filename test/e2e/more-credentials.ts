/** Further credentials of an administrator who has a bearer key: a key that signs, and a role. */
import type { SigningKey } from "../signed-client.ts";
import type { Stack } from "../stack.ts";

/** A trust document that names one principal. */
export const trusting = (principal: object) => ({
  version: "1",
  statement: [{ effect: "allow", principal }],
});

/** An access key of the user, and the bearer key of an administrator's role he took on. */
export async function moreCredentials(
  stack: Stack,
  bearerKey: string,
): Promise<{ key: SigningKey; inRole: string }> {
  const as = (method: string, path: string, body?: unknown) =>
    stack.api(method, path, body, bearerKey);
  const { result: who } = await as("GET", "/v1/iam/caller");
  const userId: string = who.caller.principalId;
  const made = await as("POST", "/v1/iam/accessKeys", { userId });
  const { result } = await as("GET", "/v1/iam/policies");
  const found = result.policies.find((one: { name: string }) => one.name === "Administrator");
  const trust = trusting({ user: userId });
  const role = { name: "all", trust, policyIds: [found.policyId], sessionSecondsMax: 7200 };
  const { roleId } = (await as("POST", "/v1/iam/roles", role)).result;
  const session = { sessionName: "eve", durationSeconds: 7200 };
  const assumed = await as("POST", `/v1/sts/roles/${roleId}:assume`, session);
  return {
    key: { accessKeyId: made.result.accessKey.accessKeyId, secret: made.result.secret },
    inRole: assumed.result.bearerKey,
  };
}
