/** Handlers of the sealed root user. */
import { type Context, timeText } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import type { iamContract } from "./contract.ts";
import { limits } from "./domain.ts";
import { refuseBeyondBoundary, refuseNoAdministrator } from "./guards.ts";
import { loadUser } from "./load.ts";
import { iamStore } from "./store.ts";
import { tell } from "./texts.ts";

const GRAVE = 5;

async function loadRoot({ sql, accountId }: Context) {
  const root = (await iamStore(sql).listUsers(accountId)).find((user) => user.root);
  if (root === undefined) throw new Problem("iam.userNotFound");
  return root;
}

export function rootHandlers(): Pick<
  Handlers<typeof iamContract>,
  "sealRootUser" | "openRootUser"
> {
  return {
    async sealRootUser(context) {
      refuseBeyondBoundary(context);
      const { accountId, sql } = context;
      const { userId } = await loadRoot(context);
      const store = iamStore(sql);
      await store.seal(accountId, userId);
      await store.endSessionsOf(accountId, userId);
      await store.deleteKeysOf(accountId, userId);
      // Somebody must be left to open it.
      await refuseNoAdministrator(context);
      return {};
    },
    async openRootUser(context, { reason }) {
      refuseBeyondBoundary(context);
      const { accountId, sql, nowMs, caller } = context;
      const { userId } = await loadRoot(context);
      const untilTime = timeText(nowMs + limits.rootOpenMs);
      await iamStore(sql).openUntil(accountId, userId, untilTime);
      await context.emit({
        type: "iam.rootOpened",
        message: tell("iam.rootOpened", {
          principalName: caller.principalName,
          ...{ untilTime, reason },
        }),
        severityId: GRAVE,
      });
      return { user: await loadUser(context, userId), untilTime };
    },
  };
}
