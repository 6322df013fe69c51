/** How the gateway learns who used a site. One shape for operator, table and gateway. */
import Type, { type Static } from "typebox";

/** What an operator sets of the user access audit of a site. */
export const UserAuditSettings = Type.Object(
  {
    /** Where the name of the user is read; `off` records none. */
    identitySource: Type.Enum([
      "off",
      "header",
      "cookie",
      "jwtClaim",
      "clientCertificate",
      "basicAuth",
    ]),
    /** Of the header, the cookie or the claim; the other sources need none. */
    identityName: Type.String({ maxLength: 64, pattern: "^[A-Za-z0-9_.:/-]*$" }),
    /** Records a pseudonym instead of the name; a cookie is never recorded otherwise. */
    hashUsers: Type.Boolean(),
    /** A token that fails its check names nobody. `none` believes what the client wrote. */
    jwtVerification: Type.Enum(["none", "secret", "jwks"]),
    /** Public keys as a JWK Set (RFC 7517 §5), JSON. */
    jwks: Type.String({ maxLength: 32_768 }),
  },
  { additionalProperties: false },
);
export type UserAuditSettings = Static<typeof UserAuditSettings>;

export const userAuditDefaults: UserAuditSettings = {
  identitySource: "off",
  identityName: "",
  hashUsers: false,
  jwtVerification: "none",
  jwks: "",
};

const Secret = Type.String({ maxLength: 8_192 });

/** What the gateway is told; absent = no user is recorded. */
export const SiteUserAudit = Type.Object(
  {
    ...UserAuditSettings.properties,
    /** Key of pseudonyms, base64; it is the account's. Empty: none is needed. */
    pseudonymKey: Secret,
    /** Of HS256 and its kin; empty: none. */
    jwtSecret: Secret,
  },
  { additionalProperties: false },
);
export type SiteUserAudit = Static<typeof SiteUserAudit>;

/** Marks a secret that could not be opened: what needs it does not happen. */
export const SEALED_PREFIX = "sealed:";

/** Bytes of a pseudonym that are shown, as hexadecimal digits. */
const PSEUDONYM_BYTES = 12;

/** A user's pseudonym from the bytes of HMAC-SHA-256 over source kind and name. */
export const pseudonymText = (mac: Uint8Array): string =>
  `u-${Array.from(mac.subarray(0, PSEUDONYM_BYTES), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
