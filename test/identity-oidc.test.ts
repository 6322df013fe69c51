/** Signing in by an OpenID Connect provider: a real one, and one that attacks. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { CLIENT, signInAtProvider, startLiar, startProvider } from "./oidc-provider.ts";
import { type Operations, PASSWORD, type Reply, startOperations } from "./service-kit.ts";

const HOST = "localhost:9443";
let kit: Operations;
let liar: Awaited<ReturnType<typeof startLiar>>;
let liarId = "";
let engineers = "";
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  kit = await startOperations();
  liar = await startLiar();
  stops.push(() => liar.stop());
  const group = await kit.api("POST", "/v1/iam/groups", { name: "engineers" });
  engineers = group.result.groupId;
  liarId = await makeProvider("liar", liar, { provisioning: "create" });
}, 120_000);
afterAll(async () => {
  for (const stop of stops) await stop();
  await kit?.stop();
});
beforeEach(() => liar.lies({}));

async function makeProvider(
  name: string,
  { issuer, trustPem }: { issuer: string; trustPem: string },
  rules: object,
): Promise<string> {
  const body = { name, issuer, trustPem, ...CLIENT, rules };
  const made = await kit.api("POST", "/v1/iam/oidcProviders", body);
  expect(made.error).toBeUndefined();
  return made.result.oidcProviderId;
}

/** A browser: it keeps its device cookie from one call to the next. */
function browser() {
  let device: string | undefined;
  let session = "";
  const post = async (path: string, body: object): Promise<Reply> => {
    const cookie = session === "" ? {} : { cookie: `__Host-cordon_session=${session}` };
    const headers = { host: HOST, ...cookie };
    const given = { body, key: "", headers, device };
    const reply = await kit.call("POST", path, given);
    if (reply.device !== "") device = reply.device;
    if (reply.session !== "") session = reply.session;
    return reply;
  };
  return {
    begin: (oidcProviderId: string) => post("/v1/iam/session:beginOidc", { oidcProviderId }),
    complete: (body: object) => post("/v1/iam/session:completeOidc", body),
    session: () => session,
  };
}

const stateOf = (url: string): string => new URL(url).searchParams.get("state") ?? "";

/** The whole way by the liar, with what it says next. */
async function byLiar(lie: Parameters<typeof liar.lies>[0] = {}, more: object = {}) {
  const visitor = browser();
  const begun = await visitor.begin(liarId);
  const url: string = begun.result.authorizationUrl;
  const code = liar.codeFor(url);
  liar.lies(lie);
  const body = { oidcProviderId: liarId, state: stateOf(url), code, ...more };
  const reply = await visitor.complete(body);
  return { visitor, body, reply };
}

test("a real provider signs a person in, puts him where his claims say, and signs him out", async () => {
  const people = {
    ada: { email: "Ada@example.org", email_verified: true, groups: ["eng"], team: "core" },
  };
  const real = await startProvider(people);
  stops.push(() => real.stop());
  const id = await makeProvider("real", real, {
    provisioning: "create",
    groupRules: [{ claim: "groups", value: "eng", groupIds: [engineers] }],
    tagClaims: { team: "team" },
  });
  const { result: shown } = await kit.api("GET", `/v1/iam/oidcProviders/${id}`);
  expect(JSON.stringify(shown)).not.toContain(CLIENT.clientSecret);
  real.register(`https://${HOST}${shown.redirectPath}`);
  const visitor = browser();
  const begun = await visitor.begin(id);
  expect(begun.error).toBeUndefined();
  const url: string = begun.result.authorizationUrl;
  const back = await signInAtProvider(url, { trustPem: real.trustPem, login: "ada" });
  expect(`${back.origin}${back.pathname}`).toBe(`https://${HOST}/oidc/${id}`);
  const answer = Object.fromEntries(back.searchParams);
  const { state = "", code = "", iss } = answer;
  const done = await visitor.complete({ oidcProviderId: id, state, code, iss });
  expect(done.error).toBeUndefined();
  expect(done.result.caller).toMatchObject({ principalName: "ada@example.org" });
  const { userId } = { userId: done.result.caller.principalId };
  const { result: user } = await kit.api("GET", `/v1/iam/users/${userId}`);
  expect(user).toMatchObject({ groupIds: [engineers], tags: { team: "core" } });
  const left = await kit.call("POST", "/v1/iam/session:signOut", {
    body: {},
    key: "",
    headers: {
      cookie: `__Host-cordon_session=${visitor.session()}`,
      "x-cordon-csrf": done.result.csrfToken,
    },
  });
  const out = new URL(left.result.providerSignOutUrl);
  expect(out.origin).toBe(real.issuer);
  expect(out.searchParams.get("post_logout_redirect_uri")).toBe(`https://${HOST}/`);
}, 60_000);

test("who was not invited is told so, and whoever was is tied to his subject", async () => {
  const id = await makeProvider("invited", liar, { provisioning: "invited" });
  const by = async (claims: object) => {
    const visitor = browser();
    const { result } = await visitor.begin(id);
    const code = liar.codeFor(result.authorizationUrl);
    liar.lies({ claims: { ...claims } });
    const state = stateOf(result.authorizationUrl);
    return visitor.complete({ oidcProviderId: id, state, code });
  };
  const guest = { sub: "guest-1", email: "guest@example.org" };
  expect((await by(guest)).error?.reason).toBe("iam.oidcRefused");
  const invited = { name: "guest@example.org", oidcProviderId: id };
  const { result: user } = await kit.api("POST", "/v1/iam/users", invited);
  expect((await by(guest)).result.caller.principalId).toBe(user.userId);
  // The subject is who he is: another one with the same address is somebody else.
  expect((await by({ ...guest, sub: "guest-2" })).error?.reason).toBe("iam.oidcRefused");
  expect((await by({ ...guest, email: "new@example.org" })).result.caller.principalId).toBe(
    user.userId,
  );
  await kit.api("PATCH", `/v1/iam/users/${user.userId}`, { enabled: false });
  expect((await by(guest)).error?.reason).toBe("iam.oidcFailed");
});

test("a name or an address that equals an existing user's ties nobody to that user", async () => {
  await kit.api("POST", "/v1/iam/users", { name: "boss@example.org", password: PASSWORD });
  for (const email of ["admin", "boss@example.org", "BOSS@example.org"]) {
    const { reply } = await byLiar({ claims: { sub: `taker ${email}`, email } });
    expect(reply.error?.reason, email).toBe("iam.oidcRefused");
    expect(reply.session).toBe("");
  }
});

test("an address that the provider has not verified identifies nobody", async () => {
  for (const verified of [false, "false", undefined, 1]) {
    const { reply } = await byLiar({ claims: { sub: "u", email_verified: verified } });
    expect(reply.error).toMatchObject({ reason: "iam.oidcRefused" });
    expect(reply.error?.details[0]?.path).toBe("email_verified");
  }
});

test("a code, a state and an answer are good once, in one browser, for one provider", async () => {
  const first = await byLiar({});
  expect(first.reply.error).toBeUndefined();
  expect((await first.visitor.complete(first.body)).error?.reason).toBe("iam.oidcFailed");
  // The same code under a new state of the same browser: the provider knows it was used.
  const { result } = await first.visitor.begin(liarId);
  const state = stateOf(result.authorizationUrl);
  expect((await first.visitor.complete({ ...first.body, state })).error?.reason).toBe(
    "iam.oidcFailed",
  );
  // A victim is led to an attacker's answer (sign-in forgery): his browser did not begin it.
  const attacker = browser();
  const begun = await attacker.begin(liarId);
  const code = liar.codeFor(begun.result.authorizationUrl);
  const answer = { oidcProviderId: liarId, state: stateOf(begun.result.authorizationUrl), code };
  const victim = browser();
  await victim.begin(liarId);
  expect((await victim.complete(answer)).error?.reason).toBe("iam.oidcFailed");
  expect((await attacker.complete(answer)).error?.reason).toBe("iam.oidcFailed");
  // A code that another browser's person agreed to does not fit this browser's verifier.
  const stolenFrom = await browser().begin(liarId);
  const stolen = liar.codeFor(stolenFrom.result.authorizationUrl);
  const thief = browser();
  const thiefs = await thief.begin(liarId);
  const injected = { ...answer, state: stateOf(thiefs.result.authorizationUrl), code: stolen };
  expect((await thief.complete(injected)).error?.reason).toBe("iam.oidcFailed");
});

test("an answer is taken for the provider only that it was begun with (mix-up)", async () => {
  const honest = await startLiar();
  stops.push(() => honest.stop());
  const honestId = await makeProvider("honest", honest, { provisioning: "create" });
  const visitor = browser();
  const { result } = await visitor.begin(liarId);
  const state = stateOf(result.authorizationUrl);
  const code = honest.codeFor(result.authorizationUrl);
  const crossed = { oidcProviderId: honestId, state, code };
  expect((await visitor.complete(crossed)).error?.reason).toBe("iam.oidcFailed");
  // RFC 9207: the answer names its issuer, and that is another one's.
  for (const iss of [honest.issuer, `${liar.issuer}/`, "https://evil.example"]) {
    const { reply } = await byLiar({}, { iss });
    expect(reply.error?.reason, iss).toBe("iam.oidcFailed");
  }
  // A provider that promises to name itself must do so.
  const promise = { metadata: { authorization_response_iss_parameter_supported: true } };
  expect((await byLiar(promise)).reply.error?.reason).toBe("iam.oidcFailed");
  const named = await byLiar(promise, { iss: liar.issuer });
  expect(named.reply.error).toBeUndefined();
});

test("an ID token that is not exactly for this sign-in is refused", async () => {
  const lies: Record<string, Parameters<typeof liar.lies>[0]> = {
    "another nonce": { claims: { nonce: "another" } },
    "no nonce": { claims: { nonce: undefined } },
    "another issuer": { claims: { iss: "https://evil.example" } },
    "another audience": { claims: { aud: "somebody else" } },
    "several audiences without a party": { claims: { aud: [CLIENT.clientId, "other"] } },
    "another party": { claims: { aud: [CLIENT.clientId, "other"], azp: "other" } },
    "no subject": { claims: { sub: undefined } },
    "a subject that is no text": { claims: { sub: 5 } },
    "an empty subject": { claims: { sub: "" } },
    "an endless subject": { claims: { sub: "x".repeat(300) } },
    "a key that is not published": { foreignKey: true },
    "no signature": { algorithmNone: true },
    expired: { clockAheadSeconds: -400 },
    "not yet": { claims: { nbf: Math.floor(Date.now() / 1000) + 120 } },
    "no token": { token: () => ({ access_token: "a", token_type: "bearer" }) },
    "no JSON object": { token: () => "text" },
    "another issuer in the metadata": { metadata: { issuer: "https://evil.example" } },
  };
  for (const [name, lie] of Object.entries(lies)) {
    const { reply } = await byLiar(lie);
    expect([403, 401], name).toContain(reply.code);
    expect(reply.session, name).toBe("");
  }
}, 60_000);

test("a clock that is a little off is borne, and the provider's keys may change", async () => {
  for (const clockAheadSeconds of [20, -310]) {
    const { reply } = await byLiar({ clockAheadSeconds });
    expect(reply.error, String(clockAheadSeconds)).toBeUndefined();
  }
  liar.rotateKey();
  expect((await byLiar()).reply.error).toBeUndefined();
  liar.rotateKey();
  expect((await byLiar()).reply.error).toBeUndefined();
});

test("a second factor of Cordon is still asked for, unless the provider's counts", async () => {
  const { reply } = await byLiar({ claims: { amr: ["pwd", "mfa"] } });
  const { principalId } = reply.result.caller;
  await kit.database.transaction(
    "system",
    (sql) => sql`
    insert into passkey (account_id, passkey_id, user_id, name, credential_id, public_key, counter,
      transports, create_time)
    select account_id, 'pk-0000000001', user_id, 'k', 'c', '', 0, '{}', now()
    from iam_user where user_id = ${principalId}`,
  );
  const asked = await byLiar({ claims: { amr: ["pwd", "mfa"] } });
  expect(asked.reply.result.caller).toBeNull();
  expect(asked.reply.session).toBe("");
  const path = `/v1/iam/oidcProviders/${liarId}`;
  await kit.api("PATCH", path, { rules: { trustMfa: true } });
  expect((await byLiar({ claims: { amr: ["pwd"] } })).reply.result.caller).toBeNull();
  const trusted = await byLiar({ claims: { amr: ["pwd", "mfa"] } });
  expect(trusted.reply.result.caller.principalId).toBe(principalId);
});

test("an issuer cannot lead into networks behind this machine, nor hold it up", async () => {
  const inside = [
    "https://169.254.169.254",
    "https://10.0.0.1",
    "https://[::ffff:10.0.0.1]",
    "https://192.168.1.1/realms/x",
  ];
  for (const issuer of inside) {
    const made = await kit.api("POST", "/v1/iam/oidcProviders", {
      ...{ name: issuer, issuer },
      ...CLIENT,
    });
    expect(made.error?.reason, issuer).toBe("iam.oidcUnreachable");
  }
  const plain = { name: "plain", issuer: "http://localhost:1", ...CLIENT };
  expect((await kit.api("POST", "/v1/iam/oidcProviders", plain)).code).toBe(400);
  for (const endpoint of ["token_endpoint", "jwks_uri"]) {
    for (const url of ["https://10.0.0.1/x", "http://127.0.0.1:1/x", "file:///etc/passwd"]) {
      const { reply } = await byLiar({ metadata: { [endpoint]: url } });
      expect([401, 503], `${endpoint} ${url}`).toContain(reply.code);
    }
  }
  expect((await byLiar({ answerBytes: 3_000_000 })).reply.code).toBeGreaterThan(400);
}, 60_000);

test("a slow provider holds few connections, and others go on", async () => {
  const slow = await startLiar();
  stops.push(() => slow.stop());
  const id = await makeProvider("slow", slow, {});
  slow.lies({ delayMs: 1_500 });
  const begun = await Promise.all(Array.from({ length: 12 }, () => browser().begin(id)));
  const reasons = begun.map(({ error }) => error?.reason);
  expect(reasons.filter((reason) => reason === "iam.oidcBusy").length).toBeGreaterThanOrEqual(8);
  const started = kit.api("GET", "/v1/iam/caller");
  expect((await started).code).toBe(200);
});

test("a provider that is disabled or deleted signs nobody in and ends its sessions", async () => {
  const id = await makeProvider("short", liar, { provisioning: "create" });
  const visitor = browser();
  const { result } = await visitor.begin(id);
  const code = liar.codeFor(result.authorizationUrl);
  liar.lies({ claims: { sub: "short-1", email: "short@example.org" } });
  const state = stateOf(result.authorizationUrl);
  const done = await visitor.complete({ oidcProviderId: id, state, code });
  const caller = () =>
    kit.call("GET", "/v1/iam/caller", {
      key: "",
      headers: { cookie: `__Host-cordon_session=${visitor.session()}` },
    });
  expect(done.error).toBeUndefined();
  expect((await caller()).code).toBe(200);
  await kit.api("PATCH", `/v1/iam/oidcProviders/${id}`, { enabled: false });
  expect((await caller()).code).toBe(401);
  expect((await browser().begin(id)).error?.reason).toBe("iam.oidcProviderNotFound");
  const listed = "/v1/iam/signInProviders?accountName=main";
  const names = async () =>
    (await kit.call("GET", listed, { key: "" })).result.providers.map(
      (one: { name: string }) => one.name,
    );
  expect(await names()).not.toContain("short");
  const none = await kit.call("GET", "/v1/iam/signInProviders?accountName=nobody", { key: "" });
  expect(none.result.providers).toEqual([]);
  expect((await kit.api("DELETE", `/v1/iam/oidcProviders/${id}`)).code).toBe(200);
});

test("a host that is not this console's is never sent to a provider", async () => {
  const reply = await kit.call("POST", "/v1/iam/session:beginOidc", {
    body: { oidcProviderId: liarId },
    key: "",
    headers: { host: "evil.example" },
  });
  expect(reply.error?.reason).toBe("iam.oidcHost");
});
