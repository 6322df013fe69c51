/** Handlers of access keys. The secret is sealed before it is stored and answered once. */
import { timeText } from "../../kernel/context.ts";
import { newSecret } from "../../kernel/id.ts";
import { type Sealer, secretPurpose } from "../../kernel/identity/sealer.ts";
import { isCidr } from "../../kernel/identity/source-restriction.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { AccessKey, iamContract } from "./contract.ts";
import { accessKeyStore } from "./credential-store.ts";
import { limits } from "./domain.ts";
import { refuseBeyondBoundary, refuseSealed } from "./guards.ts";
import { loadUser } from "./load.ts";

type AccessKeyHandlers = Pick<
  Handlers<typeof iamContract>,
  "listAccessKeys" | "createAccessKey" | "updateAccessKey" | "deleteAccessKey"
>;

const fields = ["accessKeyId", "userId", "enabled", "createTime"];

/** The handlers; `sealer` keeps the secrets. */
export function accessKeyHandlers({ sealer }: { sealer: Sealer }): AccessKeyHandlers {
  return {
    async listAccessKeys({ sql, accountId }, input) {
      const all = await accessKeyStore(sql).list(accountId);
      const keys = all.filter((key) => input.userId === undefined || key.userId === input.userId);
      const page = pageInMemory(keys, input, fields);
      return { accessKeys: page.items, totalCount: page.totalCount };
    },
    async createAccessKey(context, { userId, ttlSeconds, sourceCidrs = [] }) {
      const { accountId, nowMs, sql } = context;
      checkCidrs(sourceCidrs);
      const user = await loadUser(context, userId);
      refuseBeyondBoundary(context, user.boundaryPolicyId);
      refuseSealed(user);
      const store = accessKeyStore(sql);
      // The row of the user is the lock: two calls at once must not both see one key.
      const keys = await store.listOfUserForUpdate(accountId, userId);
      if (keys.length >= limits.accessKeysPerUserMax) throw new Problem("iam.accessKeyLimit");
      const secret = newSecret();
      const accessKey: AccessKey = {
        accessKeyId: context.newId("ak"),
        userId,
        enabled: true,
        sourceCidrs,
        createTime: timeText(nowMs),
        lastUseTime: null,
        expireTime: ttlSeconds === undefined ? null : timeText(nowMs + ttlSeconds * 1000),
      };
      const purpose = secretPurpose("access key", accessKey.accessKeyId);
      const sealedSecret = await sealer.seal(Buffer.from(secret), purpose);
      await store.insert(accountId, { ...accessKey, sealedSecret });
      return { accessKey, secret };
    },
    async updateAccessKey({ sql, accountId }, { accessKeyId, enabled, sourceCidrs }) {
      checkCidrs(sourceCidrs ?? []);
      const [updated] = await accessKeyStore(sql).update(accountId, accessKeyId, {
        enabled,
        sourceCidrs,
      });
      if (updated === undefined) throw new Problem("iam.accessKeyNotFound");
      return updated;
    },
    async deleteAccessKey({ sql, accountId }, { accessKeyId }) {
      const deleted = await accessKeyStore(sql).delete(accountId, accessKeyId);
      if (deleted.length === 0) throw new Problem("iam.accessKeyNotFound");
      return {};
    },
  };
}

/** @throws Problem iam.cidrInvalid naming the first that is none. */
export function checkCidrs(cidrs: readonly string[]): void {
  const at = cidrs.findIndex((cidr) => !isCidr(cidr));
  if (at === -1) return;
  const message = `"${cidrs[at]}" is no network: wanted such as 192.0.2.0/24 or 2001:db8::/32`;
  throw new Problem("iam.cidrInvalid", { details: [{ path: `/sourceCidrs/${at}`, message }] });
}
