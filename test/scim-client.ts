/** SCIM as a directory speaks it, in raw requests. */
import https from "node:https";
import type { ApiReply, Stack } from "./stack.ts";

export const USER = "urn:ietf:params:scim:schemas:core:2.0:User";
export const GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";
export const PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
export const ERROR = "urn:ietf:params:scim:api:messages:2.0:Error";

export const named = (userName: string, more: object = {}) => ({
  ...{ schemas: [USER], userName, ...more },
});
export const patch = (...Operations: object[]) => ({ schemas: [PATCH], Operations });

type Answer = {
  readonly code: number;
  readonly body: ApiReply["result"];
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
};

export type ScimCaller = (
  method: string,
  path: string,
  body?: object,
  headers?: Record<string, string>,
) => Promise<Answer>;

/** One raw request as a directory sends it. */
export function scimCall(
  { consolePort }: Stack,
  token: string,
  ...[method, path, body, headers = {}]: Parameters<ScimCaller>
): Promise<Answer> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const type = payload === undefined ? {} : { "content-type": "application/scim+json" };
  return new Promise((resolve, reject) => {
    const outgoing = https.request(
      {
        ...{ host: "127.0.0.1", port: consolePort, method, path: `/v1/iam/scim/v2${path}` },
        ...{ rejectUnauthorized: false, agent: false },
        headers: { authorization: `Bearer ${token}`, ...type, ...headers },
      },
      (response) => {
        let text = "";
        response.on("data", (piece: Buffer) => {
          text += piece.toString("utf8");
        });
        response.on("end", () =>
          resolve({
            code: response.statusCode ?? 0,
            body: text === "" ? undefined : JSON.parse(text),
            headers: response.headers,
          }),
        );
      },
    );
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}
