/** Signing in to the console. Every way to fail takes as long and answers the same. */
import { type Context, timeText } from "../../kernel/context.ts";
import { newSecret } from "../../kernel/id.ts";
import { csrfTokenOf, hashSecret } from "../../kernel/identity/authenticate.ts";
import { decoyHash, verifyPassword } from "../../kernel/identity/password.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import type { Database } from "../../kernel/store/database.ts";
import type { Caller, iamContract } from "./contract.ts";
import { limits } from "./domain.ts";
import { type SignInRow, signInStore } from "./store.ts";

type Parts = { readonly database: Database };

export function signInHandlers(parts: Parts): Pick<Handlers<typeof iamContract>, "signIn"> {
  return { signIn: (context, input) => signIn(parts, context, input) };
}

export function callerView(caller: Context["caller"]): Caller {
  const { accountId, accountName, operator, principalType, principalId, principalName } = caller;
  return { accountId, accountName, operator, principalType, principalId, principalName };
}

async function signIn(
  { database }: Parts,
  context: Context,
  input: { accountName: string; userName: string; password: string },
) {
  const { nowMs, newId, sourceIp, userAgent } = context;
  const user = await database.transaction("system", (sql) =>
    signInStore(sql).findUser(input.accountName, input.userName),
  );
  const matches = await verifyPassword(input.password, user?.passwordHash ?? decoyHash);
  if (user === undefined || !matches || !user.enabled) throw new Problem("iam.signInFailed");
  const token = newSecret();
  const time = timeText(nowMs);
  await signInStore(context.sql).startSession(user.accountId, {
    sessionId: newId("ses"),
    userId: user.userId,
    tokenHash: hashSecret(token),
    sourceIp,
    userAgent,
    method: "password",
    mfaTime: null,
    createTime: time,
    lastUseTime: time,
    expireTime: timeText(nowMs + limits.sessionAbsoluteMs),
  });
  context.setSessionCookie(token, limits.sessionAbsoluteMs / 1000);
  return { caller: signedInCaller(user), csrfToken: csrfTokenOf(token) };
}

function signedInCaller(user: SignInRow): Caller {
  return {
    accountId: user.accountId,
    accountName: user.accountName,
    operator: user.operator,
    principalType: "user",
    principalId: user.userId,
    principalName: user.userName,
  };
}
