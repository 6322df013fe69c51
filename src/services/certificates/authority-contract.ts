/** Operations of own authorities: roots, issuance policies, external accounts, what was issued. */
import Type, { type Static } from "typebox";
import {
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  Name,
  operation,
  Time,
} from "../../kernel/operation.ts";
import { Certificate } from "./resources.ts";

export const AuthorityId = idSchema("ca");
export const IssuancePolicyId = idSchema("ipol");
export const ExternalAccountId = idSchema("eab");

export const Authority = Type.Object({
  authorityId: AuthorityId,
  name: Name,
  /** A root signs its intermediate only; the intermediate signs certificates. */
  kind: Type.Enum(["root", "intermediate"]),
  parentId: Type.Union([AuthorityId, Type.Null()]),
  keyAlgorithm: Type.String(),
  certificatePem: Type.String(),
  /** Where its revocation list and status are; empty without a plain listener. */
  crlUrl: Type.String(),
  ocspUrl: Type.String(),
  expireTime: Time,
  createTime: Time,
});
export type Authority = Static<typeof Authority>;

/** A name, or `*.` and a name. */
const DnsName = Type.String({
  maxLength: 253,
  pattern:
    "^(?:\\*\\.)?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$",
});

const policyFields = {
  name: Name,
  authorityId: AuthorityId,
  /** `a.test` is that name; `*.a.test` every name below, wildcards included. */
  allowedNames: Type.Array(DnsName, { minItems: 1, maxItems: 100, uniqueItems: true }),
  lifetimeSeconds: Type.Integer({ minimum: 3_600, maximum: 34_300_800 }),
  externalAccountRequired: Type.Boolean(),
  enabled: Type.Boolean(),
};

export const IssuancePolicy = Type.Object({
  issuancePolicyId: IssuancePolicyId,
  ...policyFields,
  /** Path of its ACME directory on the console's listener. */
  directoryPath: Type.String(),
  createTime: Time,
  updateTime: Time,
});
export type IssuancePolicy = Static<typeof IssuancePolicy>;

export const ExternalAccount = Type.Object({
  externalAccountId: ExternalAccountId,
  issuancePolicyId: IssuancePolicyId,
  name: Name,
  /** The ACME account that used it; each is used once. */
  acmeAccountId: Type.Union([Type.String(), Type.Null()]),
  createTime: Time,
});
export type ExternalAccount = Static<typeof ExternalAccount>;

export const IssuedCertificate = Type.Object({
  serialNumber: Type.String(),
  authorityId: AuthorityId,
  issuancePolicyId: Type.Union([IssuancePolicyId, Type.Null()]),
  acmeAccountId: Type.Union([Type.String(), Type.Null()]),
  names: Type.Array(Type.String()),
  certificatePem: Type.String(),
  notBeforeTime: Time,
  expireTime: Time,
  revokeTime: Type.Union([Time, Type.Null()]),
  revokeReason: Type.Union([Type.String(), Type.Null()]),
});
export type IssuedCertificate = Static<typeof IssuedCertificate>;

const Reason = Type.Enum([
  "unspecified",
  "keyCompromise",
  "affiliationChanged",
  "superseded",
  "cessationOfOperation",
]);
const policyInput = input({ issuancePolicyId: IssuancePolicyId });

export const authorityOperations = {
  listAuthorities: operation({
    name: "certificates.listAuthorities",
    summary: "List own certificate authorities",
    method: "GET",
    path: "/authorities",
    action: "certificates:ListAuthorities",
    resource: "authority/*",
    input: listInput({}),
    output: listOutput("authorities", Authority),
  }),
  getAuthority: operation({
    name: "certificates.getAuthority",
    summary: "Get one authority with its certificate",
    method: "GET",
    path: "/authorities/{authorityId}",
    action: "certificates:ListAuthorities",
    resource: "authority/{authorityId}",
    input: input({ authorityId: AuthorityId }),
    output: Authority,
    problems: ["certificates.authorityNotFound"],
  }),
  createAuthority: operation({
    name: "certificates.createAuthority",
    summary: "Make a root and an intermediate of one's own",
    method: "POST",
    path: "/authorities",
    action: "certificates:CreateAuthority",
    resource: "authority/*",
    input: input({
      name: Type.String({ minLength: 1, maxLength: 40, pattern: "^[A-Za-z0-9][A-Za-z0-9 ._-]*$" }),
      /** SM2 signs with SM3 and issues SM2 pairs. */
      keyAlgorithm: Type.Optional(Type.Enum(["EC-P-256", "EC-P-384", "SM2"])),
    }),
    output: Authority,
    problems: [
      "certificates.authorityExists",
      "certificates.limit",
      "certificates.keydUnavailable",
    ],
  }),
  issueSm2Pair: operation({
    name: "certificates.issueSm2Pair",
    summary: "Issue an SM2 pair, one certificate to sign and one to decrypt (GB/T 38636)",
    method: "POST",
    path: "/authorities/{authorityId}:issueSm2Pair",
    action: "certificates:IssueSm2Pair",
    resource: "authority/{authorityId}",
    input: input({
      authorityId: AuthorityId,
      name: Type.String({ minLength: 1, maxLength: 80 }),
      names: Type.Array(DnsName, { minItems: 1, maxItems: 100, uniqueItems: true }),
      lifetimeSeconds: Type.Optional(policyFields.lifetimeSeconds),
    }),
    output: Type.Object({ signing: Certificate, encryption: Certificate }),
    problems: [
      "certificates.authorityNotFound",
      "certificates.authorityKeyUnfit",
      "certificates.limit",
      "certificates.keydUnavailable",
    ],
  }),
  listIssuancePolicies: operation({
    name: "certificates.listIssuancePolicies",
    summary: "List issuance policies; each is an ACME directory of its own",
    method: "GET",
    path: "/issuancePolicies",
    action: "certificates:ListIssuancePolicies",
    resource: "issuancePolicy/*",
    input: listInput({}),
    output: listOutput("issuancePolicies", IssuancePolicy),
  }),
  getIssuancePolicy: operation({
    name: "certificates.getIssuancePolicy",
    summary: "Get one issuance policy",
    method: "GET",
    path: "/issuancePolicies/{issuancePolicyId}",
    action: "certificates:ListIssuancePolicies",
    resource: "issuancePolicy/{issuancePolicyId}",
    input: policyInput,
    output: IssuancePolicy,
    problems: ["certificates.issuancePolicyNotFound"],
  }),
  createIssuancePolicy: operation({
    name: "certificates.createIssuancePolicy",
    summary: "Allow names to be issued over ACME by an own authority",
    method: "POST",
    path: "/issuancePolicies",
    action: "certificates:CreateIssuancePolicy",
    resource: "issuancePolicy/*",
    input: input({
      name: policyFields.name,
      authorityId: AuthorityId,
      allowedNames: policyFields.allowedNames,
      lifetimeSeconds: Type.Optional(policyFields.lifetimeSeconds),
      externalAccountRequired: Type.Optional(Type.Boolean()),
    }),
    output: IssuancePolicy,
    problems: [
      "certificates.authorityNotFound",
      "certificates.authorityKeyUnfit",
      "certificates.issuancePolicyExists",
      "certificates.limit",
    ],
  }),
  updateIssuancePolicy: operation({
    name: "certificates.updateIssuancePolicy",
    summary: "Change names, lifetime or whether a policy issues at all",
    method: "PATCH",
    path: "/issuancePolicies/{issuancePolicyId}",
    action: "certificates:UpdateIssuancePolicy",
    resource: "issuancePolicy/{issuancePolicyId}",
    input: input({
      issuancePolicyId: IssuancePolicyId,
      allowedNames: Type.Optional(policyFields.allowedNames),
      lifetimeSeconds: Type.Optional(policyFields.lifetimeSeconds),
      externalAccountRequired: Type.Optional(Type.Boolean()),
      enabled: Type.Optional(Type.Boolean()),
    }),
    output: IssuancePolicy,
    problems: ["certificates.issuancePolicyNotFound"],
  }),
  deleteIssuancePolicy: operation({
    name: "certificates.deleteIssuancePolicy",
    summary: "Delete a policy with its ACME accounts; issued certificates stay",
    method: "DELETE",
    path: "/issuancePolicies/{issuancePolicyId}",
    action: "certificates:DeleteIssuancePolicy",
    resource: "issuancePolicy/{issuancePolicyId}",
    input: policyInput,
    output: Empty,
    problems: ["certificates.issuancePolicyNotFound"],
    dangerous: true,
  }),
  listExternalAccounts: operation({
    name: "certificates.listExternalAccounts",
    summary: "List external account keys",
    method: "GET",
    path: "/externalAccounts",
    action: "certificates:ListExternalAccounts",
    resource: "externalAccount/*",
    input: listInput({}),
    output: listOutput("externalAccounts", ExternalAccount),
  }),
  createExternalAccount: operation({
    name: "certificates.createExternalAccount",
    summary: "Make a key with which one ACME account may register; shown once",
    method: "POST",
    path: "/externalAccounts",
    action: "certificates:CreateExternalAccount",
    resource: "externalAccount/*",
    input: input({ issuancePolicyId: IssuancePolicyId, name: Name }),
    output: Type.Object({
      ...ExternalAccount.properties,
      /** HMAC key, base64url, as ACME clients take it. */
      hmacKey: Type.String(),
    }),
    problems: [
      "certificates.issuancePolicyNotFound",
      "certificates.limit",
      "certificates.keydUnavailable",
    ],
    secretOutput: ["hmacKey"],
  }),
  deleteExternalAccount: operation({
    name: "certificates.deleteExternalAccount",
    summary: "Delete an external account key; the account made with it is deactivated",
    method: "DELETE",
    path: "/externalAccounts/{externalAccountId}",
    action: "certificates:DeleteExternalAccount",
    resource: "externalAccount/{externalAccountId}",
    input: input({ externalAccountId: ExternalAccountId }),
    output: Empty,
    problems: ["certificates.externalAccountNotFound"],
    dangerous: true,
  }),
  listIssuedCertificates: operation({
    name: "certificates.listIssuedCertificates",
    summary: "List what own authorities issued, newest first",
    method: "GET",
    path: "/issuedCertificates",
    action: "certificates:ListIssuedCertificates",
    resource: "issuedCertificate/*",
    input: listInput({}),
    output: listOutput("issuedCertificates", IssuedCertificate),
  }),
  revokeIssuedCertificate: operation({
    name: "certificates.revokeIssuedCertificate",
    summary: "Revoke a certificate of an own authority, for good",
    method: "POST",
    path: "/issuedCertificates/{serialNumber}:revoke",
    action: "certificates:RevokeIssuedCertificate",
    resource: "issuedCertificate/{serialNumber}",
    input: input({
      serialNumber: Type.String({ pattern: "^[0-9a-f]{1,40}$" }),
      reason: Type.Optional(Reason),
    }),
    output: IssuedCertificate,
    problems: ["certificates.issuedCertificateNotFound", "certificates.revokedAlready"],
    dangerous: true,
  }),
} as const;

export const authorityResources = [
  {
    name: "authority",
    idField: "authorityId",
    idPrefix: "ca",
    titleField: "name",
    columns: ["name", "kind", "keyAlgorithm", "parentId", "expireTime", "createTime"],
    list: "listAuthorities",
    get: "getAuthority",
    create: "createAuthority",
  },
  {
    name: "issuancePolicy",
    idField: "issuancePolicyId",
    idPrefix: "ipol",
    titleField: "name",
    columns: ["name", "allowedNames", "lifetimeSeconds", "externalAccountRequired", "enabled"],
    list: "listIssuancePolicies",
    get: "getIssuancePolicy",
    create: "createIssuancePolicy",
    update: "updateIssuancePolicy",
    delete: "deleteIssuancePolicy",
  },
  {
    name: "externalAccount",
    idField: "externalAccountId",
    idPrefix: "eab",
    titleField: "name",
    columns: ["name", "issuancePolicyId", "acmeAccountId", "createTime"],
    list: "listExternalAccounts",
    create: "createExternalAccount",
    delete: "deleteExternalAccount",
  },
  {
    name: "issuedCertificate",
    idField: "serialNumber",
    idPrefix: "",
    titleField: "names",
    columns: ["names", "serialNumber", "notBeforeTime", "expireTime", "revokeTime"],
    list: "listIssuedCertificates",
  },
] as const;

export const authorityProblems = {
  "certificates.authorityNotFound": {
    code: 404,
    message: "There is no such authority that issues certificates",
    fix: "List the authorities and take the id of an intermediate from there",
  },
  "certificates.authorityExists": {
    code: 409,
    message: "An authority of this name exists",
    fix: "Choose another name, or use the one that is there",
  },
  "certificates.authorityKeyUnfit": {
    code: 409,
    message:
      "The key of this authority does not fit: SM2 authorities issue SM2 pairs, others do not",
    fix: "Use an authority with the other kind of key",
  },
  "certificates.issuancePolicyNotFound": {
    code: 404,
    message: "There is no such issuance policy",
    fix: "List the issuance policies and take an id from there",
  },
  "certificates.issuancePolicyExists": {
    code: 409,
    message: "An issuance policy of this name exists",
    fix: "Choose another name, or change the one that is there",
  },
  "certificates.externalAccountNotFound": {
    code: 404,
    message: "There is no such external account key",
    fix: "List the external accounts and take an id from there",
  },
  "certificates.issuedCertificateNotFound": {
    code: 404,
    message: "There is no such issued certificate",
    fix: "List the issued certificates and take a serial number from there",
  },
  "certificates.revokedAlready": {
    code: 409,
    message: "This certificate is revoked already",
    fix: "Nothing needs to be done",
  },
} as const;
