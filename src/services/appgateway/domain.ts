/** Rules of the user access audit and of periods. */
import { type UserAuditSettings, userAuditDefaults } from "../../kernel/intent/site-user-audit.ts";
import { Problem } from "../../kernel/problem.ts";

export const limits = { rangeDaysMax: 92, pointsMax: 120, topMax: 20 } as const;

const DAY_MS = 86_400_000;
const STEPS = [60, 300, 900, 3_600, 10_800, 21_600, 86_400];

export type Period = { readonly startMs: number; readonly endMs: number };

/** The period asked for. @throws Problem appgateway.rangeInvalid. */
export function periodOf(given: { startTime?: string; endTime?: string }, nowMs: number): Period {
  const endMs = given.endTime === undefined ? nowMs + 1_000 : Date.parse(given.endTime);
  const startMs = given.startTime === undefined ? endMs - DAY_MS : Date.parse(given.startTime);
  if (startMs >= endMs || endMs - startMs > limits.rangeDaysMax * DAY_MS) {
    throw new Problem("appgateway.rangeInvalid");
  }
  return { startMs, endMs };
}

/** The step of a chart, in seconds. */
export function stepOf({ startMs, endMs }: Period): number {
  const wanted = (endMs - startMs) / 1_000 / limits.pointsMax;
  return STEPS.find((step) => step >= wanted) ?? 86_400;
}

/** Whole settings: what was given over the defaults. */
export function settledUserAudit(given: Readonly<Record<string, unknown>>): UserAuditSettings {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...userAuditDefaults, ...Object.fromEntries(entries) };
}

/** Headers that carry a credential: their value would be in every event. */
const CREDENTIAL_HEADERS = new Set(["authorization", "proxy-authorization", "cookie"]);

/**
 * Checks what the schema cannot say.
 *
 * @param hasJwtSecret whether a secret is kept or was given.
 * @param keysFault why the JWK Set cannot be used; undefined when it can.
 * @throws Problem appgateway.identityInvalid.
 */
export function checkUserAudit(
  settings: UserAuditSettings,
  { hasJwtSecret, keysFault }: { hasJwtSecret: boolean; keysFault: string | undefined },
): void {
  const { identitySource, identityName, jwtVerification } = settings;
  const details: { path: string; message: string }[] = [];
  const say = (path: string, message: string) => details.push({ path, message });
  const isNamed = ["header", "cookie", "jwtClaim"].includes(identitySource);
  if (isNamed && identityName === "") {
    say("/identityName", `the source ${identitySource} needs the name of what to read`);
  }
  if (identitySource === "header" && CREDENTIAL_HEADERS.has(identityName.toLowerCase())) {
    say("/identityName", "this header is a credential: use basicAuth, jwtClaim or cookie");
  }
  if (identitySource === "jwtClaim" && jwtVerification === "secret" && !hasJwtSecret) {
    say("/jwtSecret", "verification by secret needs the secret");
  }
  if (identitySource === "jwtClaim" && jwtVerification === "jwks" && keysFault !== undefined) {
    say("/jwks", keysFault);
  }
  if (details.length > 0) throw new Problem("appgateway.identityInvalid", { details });
}

/** True where events hold pseudonyms. */
export const usesPseudonyms = (settings: UserAuditSettings): boolean =>
  settings.identitySource !== "off" && (settings.hashUsers || settings.identitySource === "cookie");

/** Families of the Core Rule Set by the first three digits of a rule's id. */
const FAMILIES: Readonly<Record<number, string>> = {
  911: "method",
  912: "dos",
  913: "scanner",
  920: "protocol",
  921: "protocol",
  922: "protocol",
  930: "lfi",
  931: "rfi",
  932: "rce",
  933: "php",
  934: "generic",
  941: "xss",
  942: "sqli",
  943: "session",
  944: "java",
};

/** The attack class of a rule; `leak` for those of responses, `other` for an operator's own. */
export function attackTypeOf(ruleId: number): string {
  const family = Math.floor(ruleId / 1_000);
  if (family >= 950 && family <= 956) return "leak";
  return FAMILIES[family] ?? "other";
}
