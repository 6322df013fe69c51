/** Handlers of identity and access, put together from the files that hold them. */
import { timeText } from "../../kernel/context.ts";
import { csrfTokenOf } from "../../kernel/identity/authenticate.ts";
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import type { Sealer } from "../../kernel/identity/sealer.ts";
import type { Contract } from "../../kernel/operation.ts";
import type { Outbound } from "../../kernel/outbound.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Handlers, type Service, service } from "../../kernel/service.ts";
import type { Database } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { accessKeyHandlers } from "./access-keys.ts";
import { answerHandlers } from "./answers.ts";
import { iamContract } from "./contract.ts";
import type { DecisionParts } from "./decide-again.ts";
import { attachmentHandlers, groupHandlers, roleHandlers } from "./groups.ts";
import { invitationHandlers } from "./invitations.ts";
import { providerHandlers } from "./oidc/providers.ts";
import { oidcSignInHandlers } from "./oidc/sign-in.ts";
import { ownHandlers, passkeyHandlers, securityHandlers, totpHandlers } from "./own.ts";
import type { BreachedPasswords } from "./passwords.ts";
import { policyHandlers, resourceHandlers, versionHandlers } from "./policies.ts";
import { rootHandlers } from "./root.ts";
import { scimCredentialHandlers, scimHandlers } from "./scim/handlers.ts";
import { callerView, signInHandlers } from "./sign-in.ts";
import { iamStore } from "./store.ts";
import { bearerKeyHandlers, userHandlers } from "./users.ts";

export type IamParts = {
  readonly database: Database;
  readonly authorizer: Authorizer;
  readonly contracts: readonly Contract[];
  readonly serviceOf: DecisionParts["serviceOf"];
  readonly sealer: Sealer;
  readonly breached: BreachedPasswords;
  /** Names that the console is reached by. */
  readonly hosts: readonly string[];
  /** The guarded way out, to sign-in providers. */
  readonly outbound: Outbound;
};

/** The iam service. */
export function iamService(parts: IamParts): Service {
  return service(iamContract, {
    ...signInHandlers(parts),
    ...sessionHandlers(),
    ...oidcSignInHandlers(parts),
    ...providerHandlers(parts),
    ...ownHandlers(parts),
    ...totpHandlers(parts),
    ...passkeyHandlers(parts),
    ...securityHandlers(),
    ...userHandlers(parts),
    ...invitationHandlers(parts),
    ...rootHandlers(),
    ...scimCredentialHandlers(),
    ...scimHandlers(),
    ...bearerKeyHandlers(),
    ...accessKeyHandlers(parts),
    ...groupHandlers(parts),
    ...roleHandlers(parts),
    ...attachmentHandlers(parts),
    ...policyHandlers(parts),
    ...versionHandlers(parts),
    ...resourceHandlers(parts),
    ...answerHandlers(parts),
  });
}

function sessionHandlers(): Pick<
  Handlers<typeof iamContract>,
  "signOut" | "getCaller" | "listSessions" | "revokeSession"
> {
  return {
    async signOut(context) {
      const { sessionId } = context.caller;
      context.setSessionCookie(null, 0);
      if (sessionId === undefined) return { providerSignOutUrl: null };
      const [ended] = await iamStore(context.sql).deleteSession(context.accountId, sessionId);
      return { providerSignOutUrl: ended?.providerSignOutUrl ?? null };
    },
    async getCaller({ caller, sessionToken }) {
      const csrfToken = sessionToken === undefined ? null : csrfTokenOf(sessionToken);
      return { caller: callerView(caller), csrfToken };
    },
    async listSessions({ sql, accountId, nowMs, caller }, input) {
      const sessions = await iamStore(sql).listSessions(accountId, timeText(nowMs));
      const marked = sessions.map((session) => ({
        ...session,
        current: session.sessionId === caller.sessionId,
      }));
      const page = pageInMemory(marked, input, ["sessionId", "userId", "sourceIp"]);
      return { sessions: page.items, totalCount: page.totalCount };
    },
    async revokeSession({ sql, accountId }, { sessionId }) {
      const deleted = await iamStore(sql).deleteSession(accountId, sessionId);
      if (deleted.length === 0) throw new Problem("iam.sessionNotFound");
      return {};
    },
  };
}
