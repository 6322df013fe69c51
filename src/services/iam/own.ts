/** Handlers of a person's own password, factors and sessions. */
import { randomBytes } from "node:crypto";
import { type Context, timeText } from "../../kernel/context.ts";
import { newSecret } from "../../kernel/id.ts";
import { csrfTokenOf, hashSecret } from "../../kernel/identity/authenticate.ts";
import { hashPassword, verifyPassword } from "../../kernel/identity/password.ts";
import { secretPurpose } from "../../kernel/identity/sealer.ts";
import { base32, totpUri } from "../../kernel/identity/totp.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { iamContract } from "./contract.ts";
import { backupCodeOf, limits } from "./domain.ts";
import { factorStore, type PasskeyRow } from "./factor-store.ts";
import {
  attemptCeremony,
  beginCeremony,
  beginChallenge,
  endCeremony,
  type FactorParts,
  proven,
  provenTotp,
  type Who,
} from "./factors.ts";
import { refuseBeyondBoundary, refuseBeyondLimit } from "./guards.ts";
import { loadUser } from "./load.ts";
import { registeredCredential, registrationOptions, relyingPartyOf } from "./passkeys.ts";
import { acceptPassword, type BreachedPasswords } from "./passwords.ts";
import { mfaDemanded } from "./principals.ts";
import { securityStore } from "./security-store.ts";
import { iamStore, signInStore } from "./store.ts";

type All = Handlers<typeof iamContract>;
type Parts = FactorParts & { readonly breached: BreachedPasswords };

/** @throws Problem iam.sessionRequired: a stolen key must not change a person's factors. */
function person({ caller }: Context): Who & { sessionId: string; name: string } {
  const { sessionId, accountId, principalId: userId, principalName: name } = caller;
  if (sessionId === undefined) throw new Problem("iam.sessionRequired");
  return { accountId, userId, sessionId, name };
}

/** The session goes on under a new token, so that a token seen before has lost its worth. */
async function rotateSession(
  context: Context,
  { mfa }: { mfa: boolean } = { mfa: true },
): Promise<string> {
  const { accountId, sessionId } = person(context);
  const token = newSecret();
  const row = { tokenHash: hashSecret(token), mfaTime: mfa ? timeText(context.nowMs) : null };
  await factorStore(context.sql).rotateSession(accountId, sessionId, row);
  context.setSessionCookie(token, limits.sessionAbsoluteMs / 1000);
  return csrfTokenOf(token);
}

/** New codes; only their hashes are kept. */
async function renewBackupCodes({ sql }: Context, { accountId, userId }: Who): Promise<string[]> {
  const codes = Array.from({ length: limits.backupCodes }, () => backupCodeOf(randomBytes(16)));
  const hashes = codes.map((code) => hashSecret(`${userId} ${code}`));
  await factorStore(sql).setBackupCodes(accountId, userId, hashes);
  return codes;
}

/** The first factor brings back-up codes with it. */
async function firstBackupCodes(context: Context, who: Who): Promise<string[]> {
  const left = await factorStore(context.sql).backupCodesLeft(who.accountId, who.userId);
  return left > 0 ? [] : renewBackupCodes(context, who);
}

/** @throws Problem iam.factorDemanded when the account demands a factor and none would be left. */
async function refuseLastFactor({ sql }: Context, { accountId, userId }: Who): Promise<void> {
  const store = factorStore(sql);
  const totp = await store.totp(accountId, userId);
  const passkeys = await store.passkeys(accountId, userId);
  if (totp?.confirmed === true || passkeys.length > 0) return;
  if (await mfaDemanded(sql, accountId)) throw new Problem("iam.factorDemanded");
  await store.deleteAll(accountId, userId);
}

function passkeyView({ passkeyId, name, createTime, lastUseTime }: PasskeyRow) {
  return { passkeyId, name, createTime, lastUseTime };
}

type TotpHandlers = Pick<All, "beginOwnTotp" | "confirmOwnTotp" | "deleteOwnTotp">;

export function totpHandlers(parts: Parts): TotpHandlers {
  return {
    async beginOwnTotp(context) {
      const { accountId, userId, name } = person(context);
      const store = factorStore(context.sql);
      if ((await store.totp(accountId, userId))?.confirmed === true) {
        throw new Problem("iam.totpPresent");
      }
      const secret = randomBytes(20);
      const sealedSecret = await parts.sealer.seal(secret, secretPurpose("totp", userId));
      await store.setTotp(accountId, userId, { sealedSecret, time: timeText(context.nowMs) });
      const label = `${name}@${context.caller.accountName}`;
      return { secret: base32(secret), uri: totpUri(secret, label) };
    },
    async confirmOwnTotp(context, { totpCode: code }) {
      const who = person(context);
      if (!(await provenTotp(parts, context, { who, code, unconfirmed: true }))) {
        throw new Problem("iam.factorRefused");
      }
      const store = factorStore(context.sql);
      await store.confirmTotp(who.accountId, who.userId, timeText(context.nowMs));
      const backupCodes = await firstBackupCodes(context, who);
      await context.emit({ type: "iam.factorAdded", message: `${who.name} added an app` });
      return { backupCodes, csrfToken: await rotateSession(context) };
    },
    async deleteOwnTotp(context) {
      const who = person(context);
      const deleted = await factorStore(context.sql).deleteTotp(who.accountId, who.userId);
      if (deleted.length === 0) throw new Problem("iam.factorNotFound");
      await refuseLastFactor(context, who);
      await context.emit({ type: "iam.factorRemoved", message: `${who.name} removed an app` });
      return {};
    },
  };
}

type PasskeyHandlers = Pick<All, "beginOwnPasskey" | "completeOwnPasskey" | "deleteOwnPasskey">;

export function passkeyHandlers(parts: Parts): PasskeyHandlers {
  return {
    async beginOwnPasskey(context) {
      const who = person(context);
      const party = relyingPartyOf(context.host, parts.hosts);
      const existing = await factorStore(context.sql).passkeys(who.accountId, who.userId);
      refuseBeyondLimit(existing.length, limits.passkeysPerUserMax, "passkeys");
      const options = await registrationOptions(party, who, existing);
      const { accountId, userId } = who;
      const data = { challenge: options.challenge };
      const ceremony = { kind: "passkey", accountId, userId, data };
      const token = await beginCeremony(parts, context, ceremony);
      return { token, options: { ...options } };
    },
    async completeOwnPasskey(context, { token, name, response }) {
      const who = person(context);
      const party = relyingPartyOf(context.host, parts.hosts);
      const ceremony = await attemptCeremony(parts, context, { token, kinds: ["passkey"] });
      if (ceremony === undefined || ceremony.userId !== who.userId) {
        throw new Problem("iam.ceremonyExpired");
      }
      const challenge = String(ceremony.data.challenge);
      const credential = await registeredCredential(party, response, challenge);
      if (credential === undefined || !(await endCeremony(parts, token))) {
        throw new Problem("iam.factorRefused");
      }
      const passkey = {
        passkeyId: context.newId("pk"),
        userId: who.userId,
        name,
        credentialId: credential.id,
        publicKey: Buffer.from(credential.publicKey),
        counter: credential.counter,
        transports: [...(credential.transports ?? [])],
        createTime: timeText(context.nowMs),
        lastUseTime: null,
      };
      await factorStore(context.sql)
        .insertPasskey(who.accountId, passkey)
        .catch((error) => {
          const known = violates(error, "passkey_credential_id_key");
          throw known ? new Problem("iam.factorRefused") : error;
        });
      const backupCodes = await firstBackupCodes(context, who);
      await context.emit({ type: "iam.factorAdded", message: `${who.name} added a passkey` });
      const view = passkeyView({ ...passkey, accountId: who.accountId });
      return { passkey: view, backupCodes, csrfToken: await rotateSession(context) };
    },
    async deleteOwnPasskey(context, { passkeyId }) {
      const who = person(context);
      const store = factorStore(context.sql);
      const deleted = await store.deletePasskey(who.accountId, who.userId, passkeyId);
      if (deleted.length === 0) throw new Problem("iam.factorNotFound");
      await refuseLastFactor(context, who);
      await context.emit({ type: "iam.factorRemoved", message: `${who.name} removed a passkey` });
      return {};
    },
  };
}

type OwnHandlers = Pick<
  All,
  | "getOwnSecurity"
  | "changeOwnPassword"
  | "renewOwnBackupCodes"
  | "beginOwnConfirmation"
  | "completeOwnConfirmation"
  | "listOwnSessions"
  | "revokeOwnSession"
>;

export function ownHandlers(parts: Parts): OwnHandlers {
  return {
    async getOwnSecurity(context) {
      const { accountId, userId } = person(context);
      const store = factorStore(context.sql);
      const mfaTimeMs = context.identity?.mfaTimeMs;
      return {
        totp: (await store.totp(accountId, userId))?.confirmed ?? false,
        passkeys: (await store.passkeys(accountId, userId)).map(passkeyView),
        backupCodesLeft: await store.backupCodesLeft(accountId, userId),
        mfaTime: mfaTimeMs === undefined ? null : timeText(mfaTimeMs),
        mfaDemanded: await mfaDemanded(context.sql, accountId),
      };
    },
    changeOwnPassword: (context, input) => changePassword(parts, context, input),
    async renewOwnBackupCodes(context) {
      const who = person(context);
      const { identity } = context;
      if (identity?.mfaEnrolled !== true) throw new Problem("iam.factorNotFound");
      return { backupCodes: await renewBackupCodes(context, who) };
    },
    async beginOwnConfirmation(context) {
      const { accountId, userId } = person(context);
      const who = { accountId, userId };
      const challenge = await beginChallenge(parts, context, { kind: "confirm", who });
      return challenge ?? { token: newSecret(), factors: [], passkeyOptions: null };
    },
    async completeOwnConfirmation(context, { token, ...proof }) {
      const who = person(context);
      const ceremony = await attemptCeremony(parts, context, { token, kinds: ["confirm"] });
      if (ceremony === undefined || ceremony.userId !== who.userId) {
        throw new Problem("iam.ceremonyExpired");
      }
      const { data } = ceremony;
      const method = await proven(parts, context, { who, proof, data });
      if (method === undefined || !(await endCeremony(parts, token))) {
        throw new Problem("iam.factorRefused");
      }
      return { csrfToken: await rotateSession(context) };
    },
    async listOwnSessions(context, input) {
      const { accountId, userId, sessionId } = person(context);
      const all = await iamStore(context.sql).listSessions(accountId, timeText(context.nowMs));
      const sessions = all
        .filter((session) => session.userId === userId)
        .map((session) => ({ ...session, current: session.sessionId === sessionId }));
      const page = pageInMemory(sessions, input, ["sessionId", "sourceIp"]);
      return { sessions: page.items, totalCount: page.totalCount };
    },
    async revokeOwnSession(context, { sessionId }) {
      const { accountId, userId } = person(context);
      const store = iamStore(context.sql);
      const all = await store.listSessions(accountId, timeText(context.nowMs));
      const found = all.find((one) => one.sessionId === sessionId && one.userId === userId);
      if (found === undefined) throw new Problem("iam.sessionNotFound");
      await store.deleteSession(accountId, sessionId);
      return {};
    },
  };
}

async function changePassword(
  parts: Parts,
  context: Context,
  { password, newPassword }: { password: string; newPassword: string },
) {
  const { accountId, userId, sessionId, name } = person(context);
  const { sql, nowMs } = context;
  const row = await parts.database.transaction("system", (system) =>
    signInStore(system).userBy(userId),
  );
  if (row === undefined || !(await verifyPassword(password, row.passwordHash))) {
    throw new Problem("iam.signInFailed");
  }
  await acceptPassword(parts, context, { user: { userId, name }, password: newPassword });
  const time = timeText(nowMs);
  await securityStore(sql).rememberPassword(accountId, userId, time);
  const passwordHash = await hashPassword(newPassword);
  const store = iamStore(sql);
  await store.updateUser(accountId, userId, { passwordHash, passwordChangeTime: time });
  await store.endOtherSessions(accountId, userId, sessionId);
  return { csrfToken: await rotateSession(context, { mfa: false }) };
}

type SecurityHandlers = Pick<
  All,
  "getSecuritySettings" | "updateSecuritySettings" | "resetUserFactors"
>;

export function securityHandlers(): SecurityHandlers {
  return {
    getSecuritySettings: ({ sql, accountId }) => securityStore(sql).settings(accountId),
    async updateSecuritySettings(context, change) {
      refuseBeyondBoundary(context);
      const store = securityStore(context.sql);
      const settings = { ...(await store.settings(context.accountId)), ...change };
      await store.setSettings(context.accountId, settings);
      return settings;
    },
    async resetUserFactors(context, { userId }) {
      const user = await loadUser(context, userId);
      refuseBeyondBoundary(context, user.boundaryPolicyId);
      await factorStore(context.sql).deleteAll(context.accountId, userId);
      await iamStore(context.sql).endSessionsOf(context.accountId, userId);
      await context.emit({
        type: "iam.factorRemoved",
        message: `Every second factor of ${user.name} was removed`,
      });
      return {};
    },
  };
}
