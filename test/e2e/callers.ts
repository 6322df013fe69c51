/**
 * Who calls in the test of tenants: administrators of another account by each of their credentials,
 * people of this account who may nothing, and all who were somebody once.
 */
import https from "node:https";
import { type SigningKey, signedApi } from "../signed-client.ts";
import { type ApiReply, apiReply, PASSWORD, rawApi, type Stack } from "../stack.ts";
import type { Dead } from "./dead-credentials.ts";

/** A call of an operation by nobody yet. */
export type Sent = {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** Whose operation it is: a signature names it. */
  readonly service: string;
};

export type Caller = {
  readonly name: string;
  /** What is owed to such a caller: nothing of another's, nothing at all, or "who are you". */
  readonly kind: "stranger" | "powerless" | "dead";
  send(sent: Sent): Promise<ApiReply>;
};

/** Calls from one address before the next one: limits of rate count by address. */
const CALLS_PER_ADDRESS = 200;
const IDLE_MS_MAX = 2_000;

/** A way to the API that keeps connections and comes from another address again and again. */
function travel(stack: Stack) {
  const agent = new https.Agent({
    ...{ keepAlive: true, maxSockets: 32, rejectUnauthorized: false },
    // Connections from the addresses before would add up to as many as the server takes.
    timeout: IDLE_MS_MAX,
  });
  let calls = 0;
  const via = () => {
    const at = Math.floor(calls / CALLS_PER_ADDRESS);
    calls += 1;
    return { agent, localAddress: `127.${1 + (at >> 16)}.${(at >> 8) & 255}.${1 + (at & 127)}` };
  };
  return {
    byHeaders: async ({ method, path, body }: Sent, headers: Record<string, string>) =>
      apiReply(await rawApi(stack.consolePort, { method, path, body, headers, ...via() })),
    bySignature: (sent: Sent, key: SigningKey) =>
      signedApi(stack.consolePort, { ...sent, key, via: via() }),
    end: () => agent.destroy(),
  };
}

type Road = ReturnType<typeof travel>;

const byBearer = (road: Road, secret: string) => (sent: Sent) =>
  road.byHeaders(sent, { authorization: `Bearer ${secret}` });

function deadCallers(road: Road, dead: readonly Dead[]): Caller[] {
  return dead.map((one) => ({
    name: one.name,
    kind: "dead",
    send: (sent) =>
      "signingKey" in one
        ? road.bySignature(sent, one.signingKey)
        : road.byHeaders(sent, one.headers),
  }));
}

/** Makes a user of the stack's account who has a key and no policy; @returns the key. */
export async function powerlessKey(stack: Stack): Promise<string> {
  const user = { name: "powerless", password: PASSWORD };
  const { userId } = (await stack.api("POST", "/v1/iam/users", user)).result;
  const made = await stack.api("POST", "/v1/iam/bearerKeys", { userId, name: "powerless" });
  return made.result.secret;
}

export type Credentials = {
  readonly bearer: string;
  readonly inRole: string;
  readonly key: SigningKey;
  readonly directory: string;
  readonly powerless: string;
  readonly dead: readonly Dead[];
};

export function callersOf(stack: Stack, given: Credentials) {
  const road = travel(stack);
  const strangers: Caller[] = [
    { name: "bearer key", kind: "stranger", send: byBearer(road, given.bearer) },
    { name: "role session", kind: "stranger", send: byBearer(road, given.inRole) },
    { name: "signed", kind: "stranger", send: (sent) => road.bySignature(sent, given.key) },
    { name: "directory", kind: "stranger", send: byBearer(road, given.directory) },
  ];
  const powerless: Caller = {
    ...{ name: "without a policy", kind: "powerless", send: byBearer(road, given.powerless) },
  };
  return { strangers, powerless, dead: deadCallers(road, given.dead), end: road.end };
}
