import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { cordon } from "./backup-state.ts";

const folder = mkdtempSync(join(tmpdir(), "cordon-dump-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One in each place and form that a secret may stand in. */
const planted = {
  url: "planted-Url-Password-1",
  password: "planted-Env-Password-2",
  token: "cordon_plantedTokenOfTheCommandLine3",
  postgres: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde4",
  setup: "plantedSetupToken_5aaaaaaaaaaaaaaaaaaaaaaaaa",
  bearer: "cordon_plantedBearerInALog6abcdefgh",
  header: "plantedAuthorization7",
  cookie: "plantedCookieValue8",
  field: "plantedPasswordField9",
  pem: "MC4CAQAwBQYDK2VwBCIEIPlantedKeyBytes10",
  share: "cordon-share-1-planted11planted11",
  base64: "Zm9vYmFyQkF6UGxhbnRlZDEyYmFzZTY0dmFsdWU3",
  passphrase: "planted passphrase 13 of a file",
};

function plant(): Record<string, string> {
  for (const name of ["keys", "logs", "run"])
    mkdirSync(join(folder, "data", name), { recursive: true });
  const data = (...path: string[]) => join(folder, "data", ...path);
  writeFileSync(data("keys", "postgres"), `${planted.postgres}\n`);
  writeFileSync(data("keys", "root.key"), Buffer.from(planted.base64, "base64"));
  writeFileSync(data("run", "setup-token"), planted.setup);
  const passphraseFile = join(folder, "passphrase");
  writeFileSync(passphraseFile, `${planted.passphrase}\n`);
  const lines = [
    `{"level":"info","message":"ready","postgres":"${planted.postgres}"}`,
    `GET / authorization: Bearer ${planted.header} key=${planted.bearer}`,
    `set-cookie: __Host-cordon_session=${planted.cookie}; Path=/`,
    `{"password":"${planted.field}","user":"carol"}`,
    `-----BEGIN PRIVATE KEY-----\\n${planted.pem}\\n-----END PRIVATE KEY-----`,
    `share ${planted.share}, link https://127.0.0.1:1/setup#${planted.setup}`,
    `sealed ${planted.base64} url postgres://cordon:${planted.url}@db/cordon`,
    `the passphrase was ${planted.passphrase}`,
    "a line that helps: ECONNREFUSED 127.0.0.1:5432",
  ];
  writeFileSync(data("logs", "server.log"), `${lines.join("\n")}\n`);
  return {
    PATH: process.env.PATH ?? "",
    CORDON_DATA: join(folder, "data"),
    CORDON_DATABASE_URL: `postgres://cordon:${planted.url}@127.0.0.1:1/cordon`,
    CORDON_PASSWORD: planted.password,
    CORDON_TOKEN: planted.token,
    CORDON_BACKUP_PASSPHRASE_FILE: passphraseFile,
  };
}

test("a dump lists what it holds, helps, and holds none of the planted secrets", async () => {
  const env = plant();
  const file = join(folder, "dump.tar.gz");
  const dumped = await cordon(env, ["support", "dump", file]);
  expect(dumped.code, dumped.text).toBe(0);
  expect(dumped.text).toContain("It holds no rows, no keys");
  expect(dumped.text).toContain("logs/server.log");
  const names = execFileSync("tar", ["-tzf", file], { encoding: "utf8" });
  expect(names).not.toMatch(/keys|root/);
  const text = execFileSync("tar", ["-xzOf", file], { encoding: "utf8" });
  for (const [place, secret] of Object.entries(planted)) {
    expect(text.includes(secret), place).toBe(false);
    expect(dumped.text.includes(secret), place).toBe(false);
  }
  expect(text).toContain("a line that helps: ECONNREFUSED 127.0.0.1:5432");
  expect(text).toContain("CORDON_CONSOLE_PORT");
  const again = await cordon(env, ["support", "dump", file]);
  expect(again.text).toContain("choose the name of a new file");
}, 120_000);
