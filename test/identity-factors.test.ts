/** Second factors, sessions, passwords and the brake on guessing, as a person meets them. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { programFolder } from "../src/kernel/config.ts";
import { totpCode } from "../src/kernel/identity/totp.ts";
import { type Person, person } from "./browser-session.ts";
import { PASSWORD, type Stack, startStack } from "./stack.ts";

const CHROMIUM = "/usr/bin/chromium";
const hasBrowser = existsSync(CHROMIUM) && existsSync(join(programFolder, "console/package.json"));

let stack: Stack;
const account = { accountName: "main" };
let administrator = "";

beforeAll(async () => {
  stack = await startStack();
  const { result } = await stack.api("GET", "/v1/iam/policies");
  const found = result.policies.find((one: { name: string }) => one.name === "Administrator");
  administrator = found.policyId;
});
afterAll(() => stack?.stop());

async function makeUser(userName: string, policyIds: string[] = []): Promise<string> {
  const body = { name: userName, password: PASSWORD, policyIds };
  const made = await stack.api("POST", "/v1/iam/users", body);
  expect(made.error).toBeUndefined();
  return made.result.userId;
}

const signIn = (who: Person, userName: string, password = PASSWORD) =>
  who.call("POST", "/v1/iam/session:signIn", { ...account, userName, password });

/** base32 as the server gives a secret. */
function bytesOf(text: string): Buffer {
  const bits = [...text]
    .map((char) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(char).toString(2).padStart(5, "0"))
    .join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

const stepNow = () => Math.floor(Date.now() / 30_000);

/** Signs a new user in and gives him an app; the code of the step before now is used up by it. */
async function withApp(userName: string, policyIds: string[] = []) {
  const userId = await makeUser(userName, policyIds);
  const who = person(stack.consolePort);
  expect((await signIn(who, userName)).result.challenge).toBeNull();
  const begun = await who.call("POST", "/v1/iam/own/totp:begin", {});
  const secret = bytesOf(begun.result.secret);
  const code = totpCode(secret, stepNow() - 1);
  const confirmed = await who.call("POST", "/v1/iam/own/totp:confirm", { totpCode: code });
  expect(confirmed.error).toBeUndefined();
  return {
    userId,
    who,
    secret,
    usedCode: code,
    backupCodes: confirmed.result.backupCodes as string[],
  };
}

describe("an authenticator app", () => {
  test("is asked for at sign-in, and each of its codes and back-up codes works once", async () => {
    const { secret, usedCode, backupCodes } = await withApp("tom");
    const other = person(stack.consolePort);
    const first = await signIn(other, "tom");
    expect(first.result).toMatchObject({ caller: null, csrfToken: null });
    expect(first.result.challenge.factors).toEqual(["totp", "backupCode"]);
    expect((await other.call("GET", "/v1/iam/caller")).code).toBe(401);
    const { token } = first.result.challenge;
    const complete = (proof: object, by = token) =>
      other.call("POST", "/v1/iam/session:complete", { token: by, ...proof });
    expect((await complete({ totpCode: usedCode })).error?.reason).toBe("iam.signInFailed");
    const wrong = usedCode === "000000" ? "000001" : "000000";
    expect((await complete({ totpCode: wrong })).code).toBe(401);
    const code = totpCode(secret, stepNow());
    expect((await complete({ totpCode: code, backupCode: backupCodes[0] })).code).toBe(401);
    expect((await complete({ totpCode: code })).result.caller.principalName).toBe("tom");
    expect((await other.call("GET", "/v1/iam/caller")).code).toBe(200);
    expect((await complete({ totpCode: totpCode(secret, stepNow() + 1) })).code).toBe(401);
    const again = await signIn(other, "tom");
    const next = again.result.challenge.token;
    expect((await complete({ totpCode: code }, next)).code).toBe(401);
    expect((await complete({ backupCode: backupCodes[0] }, next)).code).toBe(200);
    const third = (await signIn(other, "tom")).result.challenge.token;
    expect((await complete({ backupCode: backupCodes[0] }, third)).code).toBe(401);
  });

  test("a sign-in that waits for it takes five attempts and no more", async () => {
    const { backupCodes } = await withApp("five");
    const other = person(stack.consolePort);
    const { token } = (await signIn(other, "five")).result.challenge;
    for (let at = 0; at < 5; at += 1) {
      const proof = { token, backupCode: "00000-00000" };
      expect((await other.call("POST", "/v1/iam/session:complete", proof)).code).toBe(401);
    }
    const right = { token, backupCode: backupCodes[0] };
    expect((await other.call("POST", "/v1/iam/session:complete", right)).code).toBe(401);
  });

  test("a new factor gives the session a new token, so that the old one is worth nothing", async () => {
    await makeUser("rotating");
    const who = person(stack.consolePort);
    await signIn(who, "rotating");
    const cookies = new Map([who.cookies().split("; ")[0]?.split(/=(.*)/s) as [string, string]]);
    const thief = person(stack.consolePort, cookies);
    expect((await thief.call("GET", "/v1/iam/caller")).code).toBe(200);
    const begun = await who.call("POST", "/v1/iam/own/totp:begin", {});
    const code = totpCode(bytesOf(begun.result.secret), stepNow());
    await who.call("POST", "/v1/iam/own/totp:confirm", { totpCode: code });
    expect((await thief.call("GET", "/v1/iam/caller")).code).toBe(401);
    expect((await who.call("GET", "/v1/iam/caller")).code).toBe(200);
  });

  test("a key cannot change a person's factors, and an administrator can only remove them", async () => {
    const { userId, who } = await withApp("reset");
    const key = await stack.api("POST", "/v1/iam/bearerKeys", { userId, name: "k" });
    const by = await stack.api("DELETE", "/v1/iam/own/totp", undefined, key.result.secret);
    expect(by.error?.reason).toBe("iam.sessionRequired");
    await stack.api("POST", `/v1/iam/users/${userId}:resetFactors`, {});
    expect((await who.call("GET", "/v1/iam/caller")).code).toBe(401);
    expect((await signIn(person(stack.consolePort), "reset")).result.challenge).toBeNull();
  });
});

describe("fresh proof", () => {
  test("a dangerous operation of a session without a fresh factor is refused until it is given", async () => {
    const { who, userId, backupCodes } = await withApp("boss", [administrator]);
    const group = { name: "fresh" };
    expect((await who.call("POST", "/v1/iam/groups", group)).code).toBe(200);
    // Twenty minutes later, as the database sees it.
    await age(userId);
    expect((await who.call("GET", "/v1/iam/groups")).code).toBe(200);
    const refused = await who.call("POST", "/v1/iam/groups", { name: "stale" });
    expect(refused.error?.reason).toBe("kernel.freshMfaRequired");
    const { token } = (await who.call("POST", "/v1/iam/own/confirmation:begin", {})).result;
    const path = "/v1/iam/own/confirmation:complete";
    expect((await who.call("POST", path, { token, backupCode: "00000-00000" })).code).toBe(401);
    expect((await who.call("POST", path, { token, backupCode: backupCodes[0] })).code).toBe(200);
    expect((await who.call("POST", "/v1/iam/groups", { name: "stale" })).code).toBe(200);
  });

  test("an account that demands a factor opens nothing else to a session without one", async () => {
    await makeUser("bare", [administrator]);
    const who = person(stack.consolePort);
    await signIn(who, "bare");
    const settings = "/v1/iam/securitySettings";
    await stack.api("PATCH", settings, { requireMfa: true });
    const refused = await who.call("GET", "/v1/waf/sites");
    expect(refused.error?.reason).toBe("kernel.mfaEnrollmentRequired");
    expect((await who.call("GET", "/v1/iam/own/security")).result.mfaDemanded).toBe(true);
    const begun = await who.call("POST", "/v1/iam/own/totp:begin", {});
    const code = totpCode(bytesOf(begun.result.secret), stepNow());
    await who.call("POST", "/v1/iam/own/totp:confirm", { totpCode: code });
    expect((await who.call("GET", "/v1/waf/sites")).code).toBe(200);
    expect((await who.call("DELETE", "/v1/iam/own/totp")).error?.reason).toBe("iam.factorDemanded");
    await stack.api("PATCH", settings, { requireMfa: false });
    expect((await who.call("DELETE", "/v1/iam/own/totp")).code).toBe(200);
  });
});

/** Makes the second factor of a user's sessions twenty minutes older. */
async function age(userId: string): Promise<void> {
  const { openDatabase } = await import("../src/kernel/store/database.ts");
  const { connectionFor } = await import("../src/kernel/postgres/connection.ts");
  const { readConfig } = await import("../src/kernel/config.ts");
  const database = openDatabase(connectionFor(readConfig(stack.env)));
  await database.transaction(
    "system",
    (sql) => sql`
    update session set mfa_time = mfa_time - interval '20 minutes' where user_id = ${userId}`,
  );
  await database.close();
}

describe("guessing", () => {
  const wrong = "wrong horse battery staple";

  test("every failure to sign in looks alike, also that of a locked name and of one that is not", async () => {
    await makeUser("locked");
    const answers: unknown[] = [];
    for (const userName of ["locked", "nobody"]) {
      for (let at = 0; at < 7; at += 1) {
        const { code, error } = await signIn(person(stack.consolePort), userName, wrong);
        answers.push({ code, error });
      }
    }
    const right = await signIn(person(stack.consolePort), "locked");
    answers.push({ code: right.code, error: right.error });
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
  });

  test("whoever guesses from the same network does not lock out a browser that signed in before", async () => {
    await makeUser("known");
    const browser = person(stack.consolePort);
    expect((await signIn(browser, "known")).code).toBe(200);
    for (let at = 0; at < 6; at += 1) await signIn(person(stack.consolePort), "known", wrong);
    expect((await signIn(person(stack.consolePort), "known")).code).toBe(401);
    expect((await signIn(browser, "known")).code).toBe(200);
    await makeUser("bystander");
    expect((await signIn(person(stack.consolePort), "bystander")).code).toBe(200);
  });
});

describe("passwords", () => {
  test("a breached, a former and a weak password are refused with the reason", async () => {
    const breached = "hunter2hunter2hunter2";
    const lines = ["another", breached, "third"]
      .map((text) => createHash("sha1").update(text).digest("hex").toUpperCase())
      .sort();
    mkdirSync(join(stack.dataFolder, "rules"), { recursive: true });
    writeFileSync(
      join(stack.dataFolder, "rules", "breached-passwords.txt"),
      `${lines.join(":5\n")}:5\n`,
    );
    await stack.api("PATCH", "/v1/iam/securitySettings", {
      passwordClassesMin: 2,
      passwordHistory: 3,
    });
    const userId = await makeUserWith("pat", "Correct horse battery staple");
    const change = (password: string) =>
      stack.api("PATCH", `/v1/iam/users/${userId}`, { password });
    const reason = async (password: string) => {
      const { error } = await change(password);
      return (error?.details as { message?: string }[] | undefined)?.map((one) => one.message);
    };
    expect(await reason(breached)).toEqual(["is in the list of breached passwords"]);
    expect(await reason("onlylowercaseletters")).toEqual([expect.stringContaining("lower case")]);
    expect(await reason("xx-Pat-is-my-name-1")).toEqual(["holds the user's name"]);
    expect((await change("Second horse battery 2")).code).toBe(200);
    expect(await reason("Correct horse battery staple")).toEqual([
      "is one of the last 3 passwords",
    ]);
    await stack.api("PATCH", "/v1/iam/securitySettings", {
      passwordClassesMin: 1,
      passwordHistory: 0,
    });
  });

  test("changing one's own password wants the old one and ends the other sessions", async () => {
    await makeUser("self");
    const [here, there] = [person(stack.consolePort), person(stack.consolePort)];
    await signIn(here, "self");
    await signIn(there, "self");
    const newPassword = "another horse battery staple";
    const path = "/v1/iam/own/password:change";
    expect((await here.call("POST", path, { password: newPassword, newPassword })).code).toBe(401);
    expect((await here.call("GET", "/v1/iam/own/sessions")).result.totalCount).toBe(2);
    expect((await here.call("POST", path, { password: PASSWORD, newPassword })).code).toBe(200);
    expect((await there.call("GET", "/v1/iam/caller")).code).toBe(401);
    expect((await here.call("GET", "/v1/iam/own/sessions")).result.totalCount).toBe(1);
  });
});

async function makeUserWith(name: string, password: string): Promise<string> {
  return (await stack.api("POST", "/v1/iam/users", { name, password })).result.userId;
}

describe.skipIf(!hasBrowser)("a passkey (needs Chromium)", () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--headless", "--no-sandbox", "--disable-gpu"],
    });
    const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en" });
    page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const devtools = await context.newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
  });
  afterAll(() => browser?.close());

  test("is added at the console, signs in alone, after a password, and for a dangerous operation", {
    timeout: 60_000,
  }, async () => {
    const userId = await makeUser("peggy", [administrator]);
    const open = (path: string) => page.goto(`https://localhost:${stack.consolePort}${path}`);
    const byPassword = async () => {
      await page.getByLabel("Account name").fill("main");
      await page.getByLabel("User name").fill("peggy");
      await page.getByLabel("Password").fill(PASSWORD);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
    };
    await open("/");
    await byPassword();
    await page.getByText("What needs me now").waitFor();
    await open("/own");
    await page.getByLabel("Name of the new passkey").fill("laptop");
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.getByText("Keep these back-up codes").waitFor();
    await page.getByText("laptop").waitFor();
    const leave = async () => {
      await page.context().clearCookies();
      await open("/");
    };
    await leave();
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.getByText("What needs me now").waitFor();
    await leave();
    await byPassword();
    await page.getByRole("button", { name: "Use a passkey" }).click();
    await page.getByText("What needs me now").waitFor();
    await age(userId);
    await open("/groups/create");
    await page.getByLabel("Name", { exact: true }).fill("made by peggy");
    await page.getByRole("button", { name: "Create" }).last().click();
    await page.getByRole("dialog").getByRole("button", { name: "Use a passkey" }).click();
    await page.getByText("made by peggy").first().waitFor();
    const { result } = await stack.api("GET", "/v1/iam/groups");
    expect(result.groups.map((one: { name: string }) => one.name)).toContain("made by peggy");
    const keys = await stack.api("GET", "/v1/iam/sessions?pageSize=100");
    const methods = keys.result.sessions
      .filter((one: { userId: string }) => one.userId === userId)
      .map((one: { method: string }) => one.method);
    expect(methods.sort()).toEqual(["passkey", "passkey", "password"]);
  });
});
