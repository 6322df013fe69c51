/** Handlers of the user access audit. */
import { createHmac, randomBytes } from "node:crypto";
import { keysOf } from "../../engines/jwt/jwt.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import { pseudonymText } from "../../kernel/intent/site-user-audit.ts";
import type { InputOf, ListInput } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { checkUserAudit, periodOf, settledUserAudit, usesPseudonyms } from "./domain.ts";
import { jwtSecretPurpose, pseudonymPurpose } from "./intent.ts";
import { type AppgatewayParts, fromLake, requireSite } from "./parts.ts";
import { type UserAuditRow, userAuditStore } from "./store.ts";
import { tell } from "./texts.ts";
import { requests, urls, users } from "./user-lake.ts";
import type { userOperations } from "./user-operations.ts";

type Operations = typeof userOperations;

const PLANE = "gateway";
const KEY_BYTES = 32;

export function userHandlers(parts: AppgatewayParts) {
  return {
    async getUserAudit(context: Context, { siteId }: InputOf<Operations["getUserAudit"]>) {
      await requireSite(parts, context, siteId);
      return view(siteId, await userAuditStore(context.sql).get(context.accountId, siteId));
    },
    setUserAudit: (context: Context, input: InputOf<Operations["setUserAudit"]>) =>
      setUserAudit(parts, context, input),
    async getPseudonym(context: Context, input: InputOf<Operations["getPseudonym"]>) {
      await requireSite(parts, context, input.siteId);
      const store = userAuditStore(context.sql);
      const row = await store.get(context.accountId, input.siteId);
      const settings = settledUserAudit(row?.settings ?? {});
      const sealed = await store.pseudonymKey(context.accountId);
      if (!usesPseudonyms(settings) || sealed === undefined) {
        throw new Problem("appgateway.noPseudonyms");
      }
      const key = await parts.sealer.open(sealed, pseudonymPurpose(context.accountId));
      const source = `${settings.identitySource}\0`;
      const mac = createHmac("sha256", key).update(source).update(input.name).digest();
      return { userName: pseudonymText(mac) };
    },
    async rotatePseudonymKey(context: Context) {
      await newKey(parts, context);
      await context.emit({
        type: "appgateway.pseudonymKeyRotated",
        message: tell("appgateway.pseudonymKeyRotated", {}),
      });
      await context.intentChanged(PLANE);
      return { createTime: timeText(context.nowMs) };
    },
    async listSiteUsers(context: Context, input: InputOf<Operations["listSiteUsers"]>) {
      const scope = await scopeOf(parts, context, input);
      return fromLake(async () => {
        const { items, totalCount } = await users(parts.lake, { scope, input });
        return { siteUsers: items, totalCount };
      });
    },
    async listUserRequests(context: Context, input: InputOf<Operations["listUserRequests"]>) {
      const scope = await scopeOf(parts, context, input);
      return fromLake(async () => {
        const { items, totalCount } = await requests(parts.lake, { scope, input: ofUser(input) });
        return { userRequests: items, totalCount };
      });
    },
    async listUserUrls(context: Context, input: InputOf<Operations["listUserUrls"]>) {
      const scope = await scopeOf(parts, context, input);
      return fromLake(async () => {
        const { items, totalCount } = await urls(parts.lake, { scope, input: ofUser(input) });
        return { userUrls: items, totalCount };
      });
    },
  };
}

/** One user's part of a list: a filter like the others, behind them, whose places are told. */
function ofUser<Input extends ListInput & { userName?: string }>(input: Input): ListInput {
  const { userName, filters = [] } = input;
  if (userName === undefined) return input;
  return { ...input, filters: [...filters, { name: "userName", values: [userName] }] };
}

/** Account, site and period of a question. @throws Problem siteNotFound, rangeInvalid. */
export async function scopeOf(
  parts: AppgatewayParts,
  context: Context,
  input: { siteId: string; startTime?: string; endTime?: string },
) {
  const { siteId } = await requireSite(parts, context, input.siteId);
  return { accountId: context.accountId, siteId, ...periodOf(input, context.nowMs) };
}

function view(siteId: string, row: UserAuditRow | undefined) {
  return {
    ...settledUserAudit(row?.settings ?? {}),
    siteId,
    hasJwtSecret: (row?.jwtSecretSealed ?? null) !== null,
    updateTime: row?.updateTime ?? null,
  };
}

async function setUserAudit(
  parts: AppgatewayParts,
  context: Context,
  input: InputOf<Operations["setUserAudit"]>,
) {
  const { siteId, jwtSecret, ...given } = input;
  await requireSite(parts, context, siteId);
  const store = userAuditStore(context.sql);
  const before = await store.get(context.accountId, siteId);
  const settings = settledUserAudit(given);
  const keeps = settings.jwtVerification === "secret" ? (before?.jwtSecretSealed ?? null) : null;
  checkUserAudit(settings, {
    hasJwtSecret: jwtSecret !== undefined || keeps !== null,
    keysFault: settings.jwtVerification === "jwks" ? keysFault(settings.jwks) : undefined,
  });
  const jwtSecretSealed =
    jwtSecret === undefined
      ? keeps
      : await parts.sealer.seal(Buffer.from(jwtSecret, "utf8"), jwtSecretPurpose(siteId));
  if (usesPseudonyms(settings) && (await store.pseudonymKey(context.accountId)) === undefined) {
    await newKey(parts, context);
  }
  const row = { siteId, settings, jwtSecretSealed, updateTime: timeText(context.nowMs) };
  await store.put(context.accountId, row);
  await context.emit({
    type: "appgateway.userAuditSet",
    message: tell("appgateway.userAuditSet", { siteId }),
    resource: siteId,
  });
  await context.intentChanged(PLANE);
  return view(siteId, row);
}

function keysFault(jwks: string): string | undefined {
  try {
    keysOf(jwks);
    return undefined;
  } catch (error) {
    return error instanceof RangeError ? error.message : "this is no JWK Set in JSON";
  }
}

async function newKey({ sealer }: AppgatewayParts, { sql, accountId, nowMs }: Context) {
  const sealed = await sealer.seal(randomBytes(KEY_BYTES), pseudonymPurpose(accountId));
  await userAuditStore(sql).putPseudonymKey(accountId, sealed, timeText(nowMs));
}
