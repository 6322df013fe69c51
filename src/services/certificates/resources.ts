/** Shapes of the inventory: certificates, bindings to sites, and what is found about them. */
import Type, { type Static } from "typebox";
import { idSchema, Name, Time } from "../../kernel/operation.ts";

export const CertificateId = idSchema("cert");
export const SiteId = idSchema("site");

export const Pem = Type.String({ minLength: 1, maxLength: 131_072 });
export const Passphrase = Type.String({ minLength: 1, maxLength: 256, pattern: "^[^\\r\\n]+$" });

export const Certificate = Type.Object({
  certificateId: CertificateId,
  name: Name,
  /** `uploaded` by a person, `acme` from a provider, `issued` by an own authority. */
  origin: Type.Enum(["uploaded", "acme", "issued"]),
  /** What its key is for; an SM2 pair has one of each (GB/T 38636). */
  keyUse: Type.Enum(["server", "sm2Signing", "sm2Encryption"]),
  pairCertificateId: Type.Union([CertificateId, Type.Null()]),
  names: Type.Array(Type.String()),
  state: Type.Enum(["valid", "expiring", "expired", "revoked", "notYetValid", "replaced"]),
  keyAlgorithm: Type.String(),
  /** What is wrong with it, such as `rsaTooShort` or `sha1Signature`. */
  weaknesses: Type.Array(Type.String()),
  subject: Type.String(),
  issuer: Type.String(),
  /** The authority that the chain ends at. */
  anchor: Type.String(),
  serialNumber: Type.String(),
  fingerprint: Type.String(),
  keyFingerprint: Type.String(),
  hasPrivateKey: Type.Boolean(),
  siteIds: Type.Array(SiteId),
  notBeforeTime: Time,
  expireTime: Time,
  /** When the next one is applied for; null for what is not renewed here. */
  renewTime: Type.Union([Time, Type.Null()]),
  revokeTime: Type.Union([Time, Type.Null()]),
  /** What its authority said when it was asked last; asked for what sites are served with. */
  statusReason: Type.String(),
  statusCheckTime: Type.Union([Time, Type.Null()]),
  replacedBy: Type.Union([CertificateId, Type.Null()]),
  createTime: Time,
});
export type Certificate = Static<typeof Certificate>;

export const CertificateDetail = Type.Object({
  ...Certificate.properties,
  /** Leaf and issuers in the order a server sends them; public. */
  fullChainPem: Type.String(),
});

export const Binding = Type.Object({
  siteId: SiteId,
  certificateId: CertificateId,
  /** `served`: connections to the gateway get it. `drifted`: they get another one. */
  state: Type.Enum(["pending", "served", "drifted", "unverified"]),
  stateReason: Type.String(),
  servedFingerprint: Type.Union([Type.String(), Type.Null()]),
  checkTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
});
export type Binding = Static<typeof Binding>;

export const CertificateFinding = Type.Object({
  kind: Type.Enum(["expired", "expiring", "revoked", "weak", "drifted", "keyReused"]),
  severity: Type.Enum(["low", "medium", "high", "critical"]),
  certificateId: CertificateId,
  names: Type.Array(Type.String()),
  siteIds: Type.Array(SiteId),
  message: Type.String(),
  expireTime: Time,
});
export type CertificateFinding = Static<typeof CertificateFinding>;

/** One file of a download. */
export const DownloadFile = Type.Object({
  name: Type.String(),
  mediaType: Type.String(),
  contentBase64: Type.String(),
});
export type DownloadFile = Static<typeof DownloadFile>;
