/** The AWS SDK's client against a Cordon of a test, as any program would use it. */
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { join } from "node:path";
import { KMSClient } from "@aws-sdk/client-kms";
import type { Stack } from "./stack.ts";

export type AccessKey = { readonly accessKeyId: string; readonly secret: string };

/** File of the certificate that signed the API's own. */
export function authorityFile({ dataFolder }: Pick<Stack, "dataFolder">): string {
  return join(dataFolder, "keys", "authority.pem");
}

/** An access key of whoever has this bearer key. */
export async function accessKeyOf(stack: Stack, bearer = stack.key): Promise<AccessKey> {
  const session = await stack.api("GET", "/v1/iam/users?pageSize=100", undefined, bearer);
  const userId: string = session.result.users[0].userId;
  const made = await stack.api("POST", "/v1/iam/accessKeys", { userId }, bearer);
  return { accessKeyId: made.result.accessKey.accessKeyId, secret: made.result.secret };
}

export function kmsClient(stack: Stack, key: AccessKey, region = "local"): KMSClient {
  const ca = readFileSync(authorityFile(stack));
  return new KMSClient({
    region,
    endpoint: `https://127.0.0.1:${stack.consolePort}`,
    credentials: { accessKeyId: key.accessKeyId, secretAccessKey: key.secret },
    requestHandler: { httpsAgent: new Agent({ ca, keepAlive: true }) },
    maxAttempts: 1,
  });
}

/** The name of the exception that a command ends with; "" when it succeeds. */
export async function exceptionName(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return "";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}
