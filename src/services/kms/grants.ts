/** Handlers of grants. */
import { createHash, randomBytes } from "node:crypto";
import { type Context, timeText } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { kmsContract } from "./contract.ts";
import { type GrantRow, grantFits, limits, stateFault } from "./domain.ts";
import { grantStore } from "./grant-store.ts";
import { changeKeys, type KmsParts, lockedRecord, resealAll } from "./key-change.ts";
import { event } from "./keys.ts";
import type { Grant } from "./resources.ts";
import { keyStore } from "./store.ts";

type All = Handlers<typeof kmsContract>;
type GrantHandlers = Pick<
  All,
  "listGrants" | "listRetirableGrants" | "createGrant" | "revokeGrant" | "retireGrant"
>;

const filterFields = [
  "grantId",
  "keyId",
  "name",
  "grantee",
  "retiring",
  "operations",
  "createTime",
];
const TOKEN_BYTES = 32;

export function grantHandlers(parts: KmsParts): GrantHandlers {
  return {
    async listGrants({ sql, accountId }, input) {
      const { keyId } = input;
      if (keyId !== undefined && (await keyStore(sql).find(accountId, keyId)) === undefined) {
        throw new Problem("kms.keyNotFound");
      }
      const store = grantStore(sql);
      const rows =
        keyId === undefined ? await store.list(accountId) : await store.ofKey(accountId, keyId);
      const page = pageInMemory(rows.map(grantView), input, filterFields);
      return { grants: page.items, totalCount: page.totalCount };
    },
    async listRetirableGrants({ sql, accountId }, input) {
      const rows = await grantStore(sql).list(accountId);
      const some = rows.filter(({ retiring }) => retiring === input.retiring).map(grantView);
      const page = pageInMemory(some, input, filterFields);
      return { grants: page.items, totalCount: page.totalCount };
    },
    createGrant: (context, input) => createGrant(parts, context, input),
    async revokeGrant(context, { keyId, grantId, dryRun }) {
      const grant = await grantStore(context.sql).find(context.accountId, grantId);
      if (grant?.keyId !== keyId) throw new Problem("kms.grantNotFound");
      if (dryRun === true) throw new Problem("kms.dryRun");
      await endGrant(parts, context, grant);
      await context.emit(event("kms.grantRevoked", keyId));
      return {};
    },
    async retireGrant(context, { grantId, dryRun }) {
      const grant = await grantStore(context.sql).find(context.accountId, grantId);
      if (grant === undefined) throw new Problem("kms.grantNotFound");
      if (dryRun === true) throw new Problem("kms.dryRun");
      await endGrant(parts, context, grant);
      await context.emit(event("kms.grantRetired", grant.keyId));
      return {};
    },
  };
}

async function createGrant(
  parts: KmsParts,
  context: Context,
  given: Parameters<All["createGrant"]>[1],
) {
  const { sql, accountId, nowMs, caller } = context;
  const { keyId, operations, constraints = {}, grantee } = given;
  const token = randomBytes(TOKEN_BYTES);
  const row: GrantRow = {
    grantId: context.newId("grt"),
    ...{ keyId, grantee, operations, constraints },
    name: given.name ?? "",
    retiring: given.retiring ?? null,
    issuer: caller.principalId,
    createTime: timeText(nowMs),
    tokenHash: createHash("sha256").update(token).digest(),
  };
  await changeKeys(parts, context, async () => {
    const { key, grants } = await lockedRecord(context, keyId);
    const fault = stateFault(key.state, "change");
    if (fault !== undefined) throw new Problem(fault);
    const unfit = operations.some((one) => !grantFits(key, one));
    const both = constraints.equals !== undefined && constraints.subset !== undefined;
    if (unfit || both) throw new Problem("kms.grantInvalid");
    if (grants.length >= limits.grantsPerKeyMax) throw new Problem("kms.limitReached");
    if (given.dryRun === true) throw new Problem("kms.dryRun");
    await grantStore(sql).insert(accountId, row);
    await resealAll(context, key.materialId);
  });
  await context.emit(event("kms.grantCreated", keyId));
  return { grant: grantView(row), grantToken: token.toString("base64url") };
}

async function endGrant(parts: KmsParts, context: Context, grant: GrantRow): Promise<void> {
  const { sql, accountId } = context;
  await changeKeys(parts, context, async () => {
    const { key } = await lockedRecord(context, grant.keyId);
    await grantStore(sql).delete(accountId, grant.grantId);
    await resealAll(context, key.materialId);
  });
}

function grantView(row: GrantRow): Grant {
  const { grantId, keyId, name, grantee, retiring, operations, constraints, issuer } = row;
  const { createTime } = row;
  return {
    ...{ grantId, keyId, name, grantee, retiring, operations, constraints },
    ...{ issuer, createTime },
  };
}
