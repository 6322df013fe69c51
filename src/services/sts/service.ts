/** Handlers of temporary credentials. */
import { compileJsonPolicy } from "../../engines/policy/index.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import { newSecret } from "../../kernel/id.ts";
import { hashSecret } from "../../kernel/identity/authenticate.ts";
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import { type Sealer, secretPurpose } from "../../kernel/identity/sealer.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Service, service } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { stsContract } from "./contract.ts";
import { asTrusted, sessionSeconds, type TrustedRole } from "./domain.ts";
import { roleSessionStore } from "./store.ts";

export type StsParts = {
  readonly authorizer: Authorizer;
  readonly sealer: Sealer;
  /** Finds a role of any account; the iam service's part. */
  readonly findRole: (roleId: string) => Promise<TrustedRole | undefined>;
};

/** The sts service. */
export function stsService(parts: StsParts): Service {
  return service(stsContract, {
    assumeRole: (context, input) => assumeRole(parts, context, input),
    async listRoleSessions({ sql, accountId, nowMs }, input) {
      const sessions = await roleSessionStore(sql).list(accountId, timeText(nowMs));
      const page = pageInMemory(sessions, input, [
        "roleSessionId",
        "roleId",
        "name",
        "sourcePrincipalId",
      ]);
      return { roleSessions: page.items, totalCount: page.totalCount };
    },
    async revokeRoleSession({ sql, accountId }, { roleSessionId }) {
      const deleted = await roleSessionStore(sql).delete(accountId, roleSessionId);
      if (deleted.length === 0) throw new Problem("sts.roleSessionNotFound");
      return {};
    },
  });
}

/**
 * The caller's own policies were asked by the kernel; here the role is asked. A role that does not
 * exist and one that does not trust the caller answer alike.
 */
async function assumeRole(
  { authorizer, sealer, findRole }: StsParts,
  context: Context,
  input: InputOf<(typeof stsContract)["operations"]["assumeRole"]>,
) {
  const { identity, nowMs, sourceIp, caller } = context;
  const role = await findRole(input.roleId);
  if (role === undefined || identity === undefined) throw new Problem("sts.assumeRefused");
  const trusted = authorizer.decide({
    identity: asTrusted(identity, role),
    action: "sts:AssumeRole",
    resource: `crn:iam::${role.accountId}:role/${role.roleId}`,
    sourceIp,
    nowMs,
    externalId: input.externalId,
  });
  if (trusted.decision !== "allow") throw new Problem("sts.assumeRefused");
  checkSessionPolicy(input.sessionPolicy);
  const seconds = sessionSeconds(role, input.durationSeconds, caller.principalType === "role");
  if (seconds === undefined) throw new Problem("sts.durationTooLong");
  const [secret, sessionToken, bearer] = [newSecret(), newSecret(), `cordon_${newSecret()}`];
  const accessKeyId = context.newId("tak");
  const roleSession = {
    roleSessionId: context.newId("rs"),
    roleId: role.roleId,
    name: input.sessionName,
    accessKeyId,
    sourceAccountId: caller.accountId,
    sourcePrincipalId: caller.principalId,
    createTime: timeText(nowMs),
    lastUseTime: null,
    expireTime: timeText(nowMs + seconds * 1000),
  };
  const purpose = secretPurpose("role session", accessKeyId);
  const row = {
    ...roleSession,
    sealedSecret: await sealer.seal(Buffer.from(secret), purpose),
    sessionTokenHash: hashSecret(sessionToken),
    bearerHash: hashSecret(bearer),
    sessionPolicy: input.sessionPolicy ?? null,
    tags: input.tags ?? {},
    mfaTime: identity.mfaTimeMs === undefined ? null : timeText(identity.mfaTimeMs),
  };
  // A role may be of another account.
  await context.asSystem((sql) => roleSessionStore(sql).insert(role.accountId, row));
  await context.emit({
    type: "sts.roleAssumed",
    message: `${caller.principalName} took on role ${role.name} as ${input.sessionName}`,
  });
  return { roleSession, secret, sessionToken, bearerKey: bearer };
}

function checkSessionPolicy(document: unknown): void {
  if (document === undefined) return;
  const compiled = compileJsonPolicy(document, "identity");
  if ("faults" in compiled) {
    throw new Problem("sts.sessionPolicyInvalid", { details: compiled.faults });
  }
}
