/** Secrets of user audits on their way to gateways, sealed and opened by a real keyd. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { userReader } from "../src/daemons/gateway/user-audit/user-reader.ts";
import { type SpawnedKeyd, spawnKeyd } from "../src/daemons/keyd/spawned-keyd.ts";
import { addField, emptyFields } from "../src/engines/http1/fields.ts";
import type { Sealer } from "../src/kernel/identity/sealer.ts";
import { SEALED_PREFIX, userAuditDefaults } from "../src/kernel/intent/site-user-audit.ts";
import { KeydError } from "../src/kernel/keyd/protocol.ts";
import { userAuditOpener } from "../src/services/appgateway/intent.ts";

let keyd: SpawnedKeyd;
let sealer: Sealer;
beforeAll(async () => {
  keyd = await spawnKeyd();
  const { client } = keyd;
  sealer = {
    seal: (plaintext, purpose) => client.seal(purpose, "identity", plaintext),
    open: (sealed, purpose) => client.open(purpose, "identity", sealed),
  };
});
afterAll(() => keyd?.remove());

const SECRET = Buffer.alloc(32, 7);
const sealedFor = async (purpose: string, as = purpose) =>
  `${SEALED_PREFIX}${(await sealer.seal(SECRET, purpose)).toString("base64")} ${as}`;
const audit = (pseudonymKey: string) => ({
  ...userAuditDefaults,
  ...{ identitySource: "header", identityName: "x-user", hashUsers: true },
  ...{ pseudonymKey, jwtSecret: "" },
});

test("one secret that will never open holds up no other site, and its site records nobody", async () => {
  const exchanged = await sealedFor("of another site", "of this site");
  const sites = [
    { siteId: "site-1", userAudit: audit(exchanged) },
    { siteId: "site-2" },
    { siteId: "site-3", userAudit: audit(await sealedFor("of the third")) },
  ];
  const opened = await userAuditOpener(sealer)({ version: 7, sites });
  expect(opened).toEqual({
    version: 7,
    sites: [sites[0], sites[1], { siteId: "site-3", userAudit: audit(SECRET.toString("base64")) }],
  });
  const fields = emptyFields();
  addField(fields, "x-user", "alice");
  const named = (pseudonymKey: string) =>
    userReader({ ...audit(pseudonymKey), identitySource: "header" })?.read(fields, null, 0)?.name;
  expect(named(exchanged)).toBeUndefined();
  expect(named(SECRET.toString("base64"))).toMatch(/^u-[0-9a-f]{24}$/);
});

test("while keyd does not answer nothing travels, so that no site loses its users by it", async () => {
  const sites = [{ siteId: "site-1", userAudit: audit(await sealedFor("x")) }];
  const away = () => Promise.reject(new KeydError("unavailable", "It does not run"));
  const opening = userAuditOpener({ ...sealer, open: away })({ sites });
  await expect(opening).rejects.toMatchObject({ reason: "unavailable" });
});
