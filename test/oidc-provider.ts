/** OpenID Connect providers for tests: a real one (oidc-provider), and one that lies on demand. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Provider from "oidc-provider";
import { openAuthority } from "../src/kernel/pki/authority.ts";

export const CLIENT = { clientId: "cordon", clientSecret: "a secret of the client, for tests" };

/** What a provider says of a person, by the name that is typed in at its login page. */
export type People = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

type Listener = Parameters<typeof https.createServer>[1];

/** An HTTPS server on a free port, with a certificate of an authority of its own. */
async function listen(listenerOf: (issuer: string) => Listener) {
  const folder = mkdtempSync(join(tmpdir(), "cordon-oidc-"));
  const authority = await openAuthority(folder, Date.now);
  const { certificatePem, privateKeyPem } = await authority.issueServer(["localhost"]);
  const server = https.createServer({ cert: certificatePem, key: privateKeyPem });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const issuer = `https://localhost:${typeof address === "object" ? address?.port : 0}`;
  const listener = listenerOf(issuer);
  if (listener !== undefined) server.on("request", listener);
  return {
    issuer,
    trustPem: authority.certificatePem,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The real provider, with its own login and consent pages. */
export async function startProvider(people: People) {
  const claims = [...new Set(Object.values(people).flatMap((one) => Object.keys(one)))];
  const build = (issuer: string, redirectUris: readonly string[]) =>
    new Provider(issuer, {
      clients: [
        {
          client_id: CLIENT.clientId,
          client_secret: CLIENT.clientSecret,
          redirect_uris: [...redirectUris],
          post_logout_redirect_uris: redirectUris.map((uri) => new URL("/", uri).href),
        },
      ],
      pkce: { required: () => true },
      claims: { openid: ["sub"], profile: claims, email: [] },
      findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ ...people[sub], sub }) }),
      cookies: { keys: [randomBytes(16).toString("hex")] },
    });
  let answer: ReturnType<Provider["callback"]> | undefined;
  const started = await listen((issuer) => {
    answer = build(issuer, ["https://localhost/unused"]).callback();
    return (request, response) => void answer?.(request, response);
  });
  return {
    ...started,
    /** Registers where the client's browsers come back to. */
    register(redirectUri: string): void {
      answer = build(started.issuer, [redirectUri]).callback();
    },
  };
}

/** Fills in the login and consent pages as a browser would; @returns where it is sent back to. */
export async function signInAtProvider(
  authorizationUrl: string,
  { trustPem, login }: { trustPem: string; login: string },
): Promise<URL> {
  const cookies = new Map<string, string>();
  let url = new URL(authorizationUrl);
  const home = url.origin;
  let form: string | undefined;
  for (let step = 0; step < 12; step += 1) {
    const reply = await fetchPage(url, { trustPem, cookies, form });
    form = undefined;
    if (reply.location !== undefined) {
      url = new URL(reply.location, url);
      if (url.origin !== home) return url;
      continue;
    }
    const action = /<form[^>]*action="([^"]+)"/.exec(reply.text)?.[1];
    const prompt = /name="prompt" value="(\w+)"/.exec(reply.text)?.[1];
    if (action === undefined || prompt === undefined) {
      throw new Error(`No form at ${url.pathname} (${reply.code}): ${reply.text.slice(0, 400)}`);
    }
    url = new URL(action, url);
    form = new URLSearchParams({ prompt, login, password: "any" }).toString();
  }
  throw new Error("The provider's pages did not end");
}

type Page = {
  readonly code: number;
  readonly location: string | undefined;
  readonly text: string;
};

function fetchPage(
  url: URL,
  parts: { trustPem: string; cookies: Map<string, string>; form: string | undefined },
): Promise<Page> {
  const { trustPem, cookies, form } = parts;
  return new Promise((resolve, reject) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const type = form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" };
    const options = {
      method: form === undefined ? "GET" : "POST",
      headers: { cookie, ...type },
      ca: [trustPem],
      agent: false,
    };
    const outgoing = https.request(url, options, (response) => {
      for (const line of response.headers["set-cookie"] ?? []) {
        const [name = "", value = ""] = (line.split(";")[0] ?? "").split(/=(.*)/s);
        if (value === "") cookies.delete(name);
        else cookies.set(name, value);
      }
      let text = "";
      response.on("data", (piece: Buffer) => {
        text += piece.toString("utf8");
      });
      response.on("end", () =>
        resolve({ code: response.statusCode ?? 0, location: response.headers.location, text }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(form);
  });
}

/** What a lying provider does with the next sign-in. */
export type Lie = {
  /** Claims laid over what an honest provider would say. */
  claims?: Record<string, unknown>;
  /** Signs with a key that it does not publish. */
  foreignKey?: boolean;
  algorithmNone?: boolean;
  metadata?: Record<string, unknown>;
  /** Seconds that its clock is ahead. */
  clockAheadSeconds?: number;
  token?: (answer: Record<string, unknown>) => unknown;
  answerBytes?: number;
  delayMs?: number;
};

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

function signingKey() {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const kid = randomBytes(6).toString("hex");
  return { privateKey, kid, jwk: { ...publicKey.export({ format: "jwk" }), kid, use: "sig" } };
}

function jwt(claims: object, key: { privateKey: KeyObject; kid: string }, none: boolean): string {
  const header = none ? { alg: "none" } : { alg: "RS256", kid: key.kid };
  const text = `${base64url(header)}.${base64url(claims)}`;
  if (none) return `${text}.`;
  return `${text}.${sign("sha256", Buffer.from(text), key.privateKey).toString("base64url")}`;
}

function metadataOf(issuer: string, lie: Lie): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    ...lie.metadata,
    ...(lie.answerBytes === undefined ? {} : { padding: "x".repeat(lie.answerBytes) }),
  };
}

/** A provider that says what a test wants: it hands out codes without asking anybody. */
export async function startLiar() {
  let lie: Lie = {};
  let key = signingKey();
  const codes = new Map<string, { nonce: string; challenge: string; uses: number }>();
  const started = await listen((issuer) => (request, response) => {
    const send = (value: unknown, status = 200): void => {
      setTimeout(() => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(value));
      }, lie.delayMs ?? 0);
    };
    if (request.url?.endsWith("/.well-known/openid-configuration")) {
      return send(metadataOf(issuer, lie));
    }
    if (request.url === "/jwks") return send({ keys: [key.jwk] });
    let body = "";
    request.on("data", (piece: Buffer) => {
      body += piece.toString("utf8");
    });
    request.on("end", () => {
      const form = new URLSearchParams(body);
      const known = codes.get(form.get("code") ?? "");
      const verifier = form.get("code_verifier") ?? "";
      const challenge = createHash("sha256").update(verifier).digest("base64url");
      if (known === undefined || known.uses > 0 || known.challenge !== challenge) {
        return send({ error: "invalid_grant" }, 400);
      }
      known.uses += 1;
      const now = Math.floor(Date.now() / 1000) + (lie.clockAheadSeconds ?? 0);
      const claims = {
        ...{ iss: issuer, aud: CLIENT.clientId, sub: "sub-1", nonce: known.nonce },
        ...{ iat: now, exp: now + 300, email: "liar@example.org", email_verified: true },
        ...lie.claims,
      };
      const signer = lie.foreignKey === true ? { ...signingKey(), kid: key.kid } : key;
      const answer = {
        access_token: "access",
        token_type: "bearer",
        id_token: jwt(claims, signer, lie.algorithmNone === true),
      };
      return send(lie.token === undefined ? answer : lie.token(answer));
    });
  });
  return {
    ...started,
    lies(next: Lie) {
      lie = next;
    },
    rotateKey() {
      key = signingKey();
    },
    /** A code for a browser that was sent here; as if its person had agreed. */
    codeFor(authorizationUrl: string): string {
      const { searchParams } = new URL(authorizationUrl);
      const code = randomBytes(12).toString("hex");
      const nonce = searchParams.get("nonce") ?? "";
      codes.set(code, { nonce, challenge: searchParams.get("code_challenge") ?? "", uses: 0 });
      return code;
    },
  };
}
