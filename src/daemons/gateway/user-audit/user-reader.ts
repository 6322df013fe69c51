/**
 * Who a request says its user is, by the site's configured source. What is kept is a name or a
 * pseudonym: never a password, a cookie or a token.
 */
import { createHmac } from "node:crypto";
import { type Fields, fieldValue } from "../../../engines/http1/fields.ts";
import {
  jwksReader,
  secretReader,
  type TokenReader,
  unverifiedReader,
} from "../../../engines/jwt/jwt.ts";
import {
  pseudonymText,
  SEALED_PREFIX,
  type SiteUserAudit,
} from "../../../kernel/intent/site-user-audit.ts";

type ShownCertificate = { readonly subject: string; readonly isVerified: boolean };

/** What an event tells of its user. */
export type UserFinding = {
  /** Empty when nobody is named. */
  readonly name: string;
  readonly source: SiteUserAudit["identitySource"];
  /** False: the client could have written any name. */
  readonly isVerified: boolean;
  readonly isPseudonym: boolean;
  /** Why a token that was sent names nobody; empty when it does, or none was sent. */
  readonly fault: string;
};

export type UserReader = {
  read(
    fields: Fields,
    certificate: ShownCertificate | null,
    nowMs: number,
  ): UserFinding | undefined;
  /** Whether a variable of the rules holds what names the user, so that its value is not kept. */
  hides(variable: string): boolean;
};

type Named = { readonly name: string; readonly isVerified: boolean; readonly fault?: string };
type Source = (
  fields: Fields,
  certificate: ShownCertificate | null,
  nowMs: number,
) => Named | undefined;

const NAME_CHARACTERS_MAX = 128;
const VALUE_BYTES_MAX = 4_096;

/** Compiles a site's settings; null when no user is to be recorded, or none could be. */
export function userReader(audit: SiteUserAudit | undefined): UserReader | null {
  if (audit === undefined || audit.identitySource === "off") return null;
  const { identitySource, pseudonymKey } = audit;
  const isPseudonym = audit.hashUsers || identitySource === "cookie";
  // INVARIANT: without its key nothing is recorded, rather than the name in clear.
  const hasKey = pseudonymKey !== "" && !pseudonymKey.startsWith(SEALED_PREFIX);
  const source = isPseudonym && !hasKey ? null : sourceOf(audit);
  const key = Buffer.from(pseudonymKey, "base64");
  const hidden = hiddenVariables(audit);
  return {
    hides: (variable) => hidden.test(variable),
    read(fields, certificate, nowMs) {
      const named = source?.(fields, certificate, nowMs);
      if (named === undefined) return undefined;
      const clean = cleaned(named.name);
      const isNamed = clean !== "";
      return {
        name: isNamed && isPseudonym ? pseudonymOf(key, identitySource, named.name) : clean,
        source: identitySource,
        isVerified: isNamed && named.isVerified,
        isPseudonym,
        fault: named.fault ?? "",
      };
    },
  };
}

/** The same name of another source is another person. */
function pseudonymOf(key: Buffer, source: string, name: string): string {
  return pseudonymText(createHmac("sha256", key).update(`${source}\0`).update(name).digest());
}

function sourceOf(audit: SiteUserAudit): Source | null {
  const { identitySource, identityName } = audit;
  if (identitySource === "header") {
    const name = identityName.toLowerCase();
    return (fields) => unverified(fieldValue(fields, name));
  }
  if (identitySource === "cookie") return (fields) => unverified(cookieValue(fields, identityName));
  if (identitySource === "basicAuth") return (fields) => unverified(basicUser(fields));
  if (identitySource === "clientCertificate") {
    return (_fields, certificate) =>
      certificate === null
        ? undefined
        : { name: certificate.subject, isVerified: certificate.isVerified };
  }
  const reader = tokenReader(audit);
  if (reader === null) return null;
  const isVerified = audit.jwtVerification !== "none";
  return (fields, _certificate, nowMs) => claimOf(fields, { reader, nowMs, isVerified, audit });
}

const unverified = (name: string | undefined): Named | undefined =>
  name === undefined || name.length > VALUE_BYTES_MAX
    ? undefined
    : { name: textOfBytes(name), isVerified: false };

/** Fields hold bytes as latin1 text. */
const textOfBytes = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8");

function tokenReader({ jwtVerification, jwks, jwtSecret }: SiteUserAudit): TokenReader | null {
  if (jwtVerification === "none") return unverifiedReader;
  try {
    if (jwtVerification === "jwks") return jwksReader(jwks);
    const isOpen = jwtSecret !== "" && !jwtSecret.startsWith(SEALED_PREFIX);
    return isOpen ? secretReader(jwtSecret) : null;
  } catch {
    return null;
  }
}

function claimOf(
  fields: Fields,
  given: { reader: TokenReader; nowMs: number; isVerified: boolean; audit: SiteUserAudit },
): Named | undefined {
  const token = /^Bearer +([A-Za-z0-9_.-]+) *$/i.exec(fieldValue(fields, "authorization") ?? "");
  if (token?.[1] === undefined) return undefined;
  const { claims, fault } = given.reader(token[1], given.nowMs);
  if (fault !== null) return { name: "", isVerified: false, fault };
  const { identityName } = given.audit;
  const value = Object.hasOwn(claims, identityName) ? claims[identityName] : undefined;
  if (typeof value !== "string" && typeof value !== "number") {
    return { name: "", isVerified: false, fault: "noClaim" };
  }
  return { name: String(value), isVerified: given.isVerified };
}

/** The user of `Basic` credentials (RFC 7617 §2); what follows the first colon is never read. */
function basicUser(fields: Fields): string | undefined {
  const coded = /^Basic +([A-Za-z0-9+/=]{1,4096}) *$/i.exec(
    fieldValue(fields, "authorization") ?? "",
  )?.[1];
  if (coded === undefined) return undefined;
  const bytes = Buffer.from(coded, "base64");
  const colon = bytes.indexOf(0x3a);
  return colon < 0 ? undefined : bytes.toString("latin1", 0, colon);
}

/** The first cookie of this name (RFC 6265 §5.4). */
function cookieValue({ lower, values }: Fields, name: string): string | undefined {
  for (const [at, field] of lower.entries()) {
    if (field !== "cookie") continue;
    for (const pair of (values[at] ?? "").split(";")) {
      const equals = pair.indexOf("=");
      if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
      return pair.slice(equals + 1).trim() || undefined;
    }
  }
  return undefined;
}

/** Printable and bounded: a name is shown to people. */
function cleaned(name: string): string {
  return name
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, "")
    .trim()
    .slice(0, NAME_CHARACTERS_MAX);
}

function hiddenVariables({ identitySource, identityName }: SiteUserAudit): RegExp {
  const always = "REQUEST_HEADERS:(?:proxy-)?authorization|REQUEST_HEADERS:cookie";
  const name = identityName.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  if (identitySource === "cookie")
    return new RegExp(`^(?:${always}|REQUEST_COOKIES:${name})$`, "i");
  return new RegExp(`^(?:${always})$`, "i");
}
