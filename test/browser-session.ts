/** A person at the console without a browser: cookies kept, changes sent with their token. */
import https from "node:https";
import type { ApiReply } from "./stack.ts";

export type Person = {
  call(method: string, path: string, body?: unknown): Promise<ApiReply>;
  /** The session cookie as it is now; for a thief in a test. */
  cookies(): string;
  csrfToken: string;
};

/** Somebody who has not signed in yet. */
export function person(port: number, cookies = new Map<string, string>()): Person {
  const self: Person = {
    csrfToken: "",
    cookies: () => [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
    async call(method, path, body) {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const reply = await new Promise<{ code: number; text: string; set: string[] }>(
        (resolve, reject) => {
          const outgoing = https.request(
            {
              host: "127.0.0.1",
              port,
              method,
              path,
              rejectUnauthorized: false,
              headers: {
                host: `localhost:${port}`,
                cookie: self.cookies(),
                "x-cordon-csrf": self.csrfToken,
                ...(payload === undefined ? {} : { "content-type": "application/json" }),
              },
            },
            (response) => {
              const chunks: Buffer[] = [];
              response.on("data", (chunk: Buffer) => chunks.push(chunk));
              response.on("end", () =>
                resolve({
                  code: response.statusCode ?? 0,
                  text: Buffer.concat(chunks).toString("utf8"),
                  set: response.headers["set-cookie"] ?? [],
                }),
              );
            },
          );
          outgoing.on("error", reject);
          outgoing.end(payload);
        },
      );
      for (const line of reply.set) {
        const [name = "", value = ""] = (line.split(";")[0] ?? "").split(/=(.*)/s);
        if (value === "") cookies.delete(name);
        else cookies.set(name, value);
      }
      const { result, error } = JSON.parse(reply.text);
      if (typeof result?.csrfToken === "string") self.csrfToken = result.csrfToken;
      return { code: reply.code, result, error };
    },
  };
  return self;
}
