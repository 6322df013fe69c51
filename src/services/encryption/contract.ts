/** The data encryption service: tokens in the place of values, and values masked for good. */
import Type, { type Static } from "typebox";
import {
  contract,
  idSchema,
  input,
  listInput,
  listOutput,
  Name,
  operation,
  Time,
} from "../../kernel/operation.ts";
import { encryptionTexts } from "./texts.ts";

export const limits = {
  valuesMax: 100,
  valueCharsMax: 4_096,
  tokenCharsMax: 512,
  purposeCharsMax: 256,
  keepFirstMax: 6,
  keepLastMax: 4,
  ttlSecondsMax: 10 * 365 * 86_400,
  perMinuteMax: 1_000_000,
} as const;

export const TokenProfileId = idSchema("tkp");
export const VALUE_KINDS = ["card", "phone", "idCard", "email", "text"] as const;
const ValueKind = Type.Enum([...VALUE_KINDS]);
const PerMinute = Type.Integer({ minimum: 1, maximum: limits.perMinuteMax });
const TtlSeconds = Type.Union([
  Type.Integer({ minimum: 60, maximum: limits.ttlSecondsMax }),
  Type.Null(),
]);
const values = (charsMax: number) =>
  Type.Array(Type.String({ minLength: 1, maxLength: charsMax }), {
    minItems: 1,
    maxItems: limits.valuesMax,
  });
const Values = values(limits.valueCharsMax);
const Tokens = values(limits.tokenCharsMax);

/** What never changes: tokens that were given out say it. */
const shape = {
  kind: ValueKind,
  /** `deterministic`: one value has one token. `random`: each time another. */
  mode: Type.Enum(["random", "deterministic"]),
  /** `sameFormat`: digits for digits; an e-mail address for an e-mail address. */
  format: Type.Enum(["sameFormat", "opaque"]),
  /** Of cards and ID cards: whether a token passes the check that real numbers pass. */
  checksum: Type.Enum(["valid", "invalid"]),
  /** Digits at the end that the token keeps in clear. */
  keepLast: Type.Integer({ minimum: 0, maximum: limits.keepLastMax }),
};
const rules = {
  name: Name,
  /** How long a token lasts; null for ever. */
  ttlSeconds: TtlSeconds,
  /** Values for each principal. */
  tokenizePerMinute: PerMinute,
  detokenizePerMinute: PerMinute,
};

export const TokenProfile = Type.Object({
  tokenProfileId: TokenProfileId,
  ...rules,
  ...shape,
  enabled: Type.Boolean(),
  createTime: Time,
  updateTime: Time,
});
export type TokenProfile = Static<typeof TokenProfile>;

const PROFILE = "tokenProfile/{tokenProfileId}";
const MISSING = "encryption.tokenProfileNotFound";
const USE = [MISSING, "encryption.tokenProfileDisabled", "encryption.tooManyValues"];
const byId = input({ tokenProfileId: TokenProfileId });
const asked = {
  tokenProfileId: TokenProfileId,
  tokens: Tokens,
  /** Why; it stands in the audit log. */
  purpose: Type.String({ minLength: 1, maxLength: limits.purposeCharsMax, pattern: "\\S" }),
};

const profileOperations = {
  listTokenProfiles: operation({
    name: "encryption.listTokenProfiles",
    summary: "List token profiles",
    method: "GET",
    path: "/tokenProfiles",
    action: "encryption:ListTokenProfiles",
    resource: "tokenProfile/*",
    input: listInput({}),
    output: listOutput("tokenProfiles", TokenProfile),
  }),
  getTokenProfile: operation({
    name: "encryption.getTokenProfile",
    summary: "Get one token profile",
    method: "GET",
    path: "/tokenProfiles/{tokenProfileId}",
    action: "encryption:GetTokenProfile",
    resource: PROFILE,
    input: byId,
    output: TokenProfile,
    problems: [MISSING],
  }),
  createTokenProfile: operation({
    name: "encryption.createTokenProfile",
    summary: "Say what is replaced by tokens, and how they look",
    method: "POST",
    path: "/tokenProfiles",
    action: "encryption:CreateTokenProfile",
    resource: "tokenProfile/*",
    input: input({
      name: Name,
      kind: shape.kind,
      mode: Type.Optional(shape.mode),
      format: Type.Optional(shape.format),
      checksum: Type.Optional(shape.checksum),
      keepLast: Type.Optional(shape.keepLast),
      ttlSeconds: Type.Optional(TtlSeconds),
      tokenizePerMinute: Type.Optional(PerMinute),
      detokenizePerMinute: Type.Optional(PerMinute),
    }),
    output: TokenProfile,
    problems: [
      "encryption.profileNameTaken",
      "encryption.profileUnfit",
      "encryption.limitReached",
      "encryption.keysUnavailable",
    ],
    defaults: {
      ...{ mode: "random", format: "opaque", checksum: "invalid", keepLast: 0, ttlSeconds: null },
      ...{ tokenizePerMinute: 6_000, detokenizePerMinute: 600 },
    },
  }),
  updateTokenProfile: operation({
    name: "encryption.updateTokenProfile",
    summary: "Change a profile's name, limits, lifetime of new tokens, or switch it off",
    method: "PATCH",
    path: "/tokenProfiles/{tokenProfileId}",
    action: "encryption:UpdateTokenProfile",
    resource: PROFILE,
    input: input({
      tokenProfileId: TokenProfileId,
      name: Type.Optional(Name),
      enabled: Type.Optional(Type.Boolean()),
      ttlSeconds: Type.Optional(TtlSeconds),
      tokenizePerMinute: Type.Optional(PerMinute),
      detokenizePerMinute: Type.Optional(PerMinute),
    }),
    output: TokenProfile,
    problems: [MISSING, "encryption.profileNameTaken"],
  }),
  deleteTokenProfile: operation({
    name: "encryption.deleteTokenProfile",
    summary: "Delete a profile with all its tokens; their values are lost",
    method: "DELETE",
    path: "/tokenProfiles/{tokenProfileId}",
    action: "encryption:DeleteTokenProfile",
    resource: PROFILE,
    input: byId,
    output: Type.Object({}),
    problems: [MISSING, "encryption.tokenProfileEnabled"],
    dangerous: true,
  }),
};

const tokenOperations = {
  tokenize: operation({
    name: "encryption.tokenize",
    summary: "Give a token for each value and keep the values sealed",
    method: "POST",
    path: "/tokenProfiles/{tokenProfileId}:tokenize",
    action: "encryption:Tokenize",
    resource: PROFILE,
    limits: { perMinute: 60_000 },
    input: input({ tokenProfileId: TokenProfileId, values: Values }),
    /** In the order of the values. */
    output: Type.Object({ tokens: Type.Array(Type.String()) }),
    problems: [
      ...USE,
      "encryption.valueUnfit",
      "encryption.tokensUsedUp",
      "encryption.keysUnavailable",
    ],
    secretInput: ["values"],
  }),
  detokenize: operation({
    name: "encryption.detokenize",
    summary: "Give the value of each token; each call is in the audit log with its purpose",
    method: "POST",
    path: "/tokenProfiles/{tokenProfileId}:detokenize",
    action: "encryption:Detokenize",
    resource: PROFILE,
    limits: { perMinute: 60_000 },
    input: input(asked),
    /** One for each token: its value, or the reason why there is none. */
    output: Type.Object({
      items: Type.Array(
        Type.Object({ value: Type.Optional(Type.String()), reason: Type.Optional(Type.String()) }),
      ),
    }),
    problems: [...USE, "encryption.vaultDamaged", "encryption.keysUnavailable"],
    hashedInput: ["tokens"],
    secretOutput: ["items"],
  }),
  maskTokens: operation({
    name: "encryption.maskTokens",
    summary: "Give the masked value of each token, for whoever may not see the value",
    method: "POST",
    path: "/tokenProfiles/{tokenProfileId}:maskTokens",
    action: "encryption:MaskTokens",
    resource: PROFILE,
    limits: { perMinute: 60_000 },
    input: input(asked),
    output: Type.Object({
      items: Type.Array(
        Type.Object({ masked: Type.Optional(Type.String()), reason: Type.Optional(Type.String()) }),
      ),
    }),
    problems: [...USE, "encryption.vaultDamaged", "encryption.keysUnavailable"],
    hashedInput: ["tokens"],
    secretOutput: ["items"],
  }),
  deleteTokens: operation({
    name: "encryption.deleteTokens",
    summary: "Forget tokens and their values",
    method: "POST",
    path: "/tokenProfiles/{tokenProfileId}:deleteTokens",
    action: "encryption:DeleteTokens",
    resource: PROFILE,
    input: input(asked),
    output: Type.Object({ deletedCount: Type.Integer() }),
    problems: [MISSING],
    hashedInput: ["tokens"],
    dangerous: true,
  }),
  mask: operation({
    name: "encryption.mask",
    summary: "Mask values for good; nothing is kept",
    method: "POST",
    path: "/values:mask",
    action: "encryption:Mask",
    resource: "mask",
    transaction: "none",
    limits: { perMinute: 60_000 },
    input: input({
      kind: ValueKind,
      values: Values,
      keepFirst: Type.Optional(Type.Integer({ minimum: 0, maximum: limits.keepFirstMax })),
      keepLast: Type.Optional(Type.Integer({ minimum: 0, maximum: limits.keepLastMax })),
    }),
    output: Type.Object({ masked: Type.Array(Type.String()) }),
    secretInput: ["values"],
  }),
};

export const encryptionContract = contract({
  service: "encryption",
  title: "Data encryption",
  summary: "Tokens in the place of values, and values masked for good",
  resources: [
    {
      name: "tokenProfile",
      idField: "tokenProfileId",
      idPrefix: "tkp",
      titleField: "name",
      columns: [
        "name",
        "kind",
        "mode",
        "format",
        "keepLast",
        "ttlSeconds",
        "enabled",
        "updateTime",
      ],
      list: "listTokenProfiles",
      get: "getTokenProfile",
      create: "createTokenProfile",
      update: "updateTokenProfile",
      delete: "deleteTokenProfile",
    },
  ],
  operations: { ...profileOperations, ...tokenOperations },
  problems: {
    "encryption.tokenProfileNotFound": {
      code: 404,
      message: "There is no such token profile",
      fix: "List them: ./cordon encryption list-token-profiles",
    },
    "encryption.tokenProfileDisabled": {
      code: 409,
      message: "The token profile is switched off",
      fix: "Switch it on with encryption.updateTokenProfile, or use another",
    },
    "encryption.tokenProfileEnabled": {
      code: 409,
      message: "The token profile is in use",
      fix: "Switch it off first, and see that nobody misses it",
    },
    "encryption.profileNameTaken": {
      code: 409,
      message: "Another token profile has this name",
      fix: "Take another name",
    },
    "encryption.profileUnfit": {
      code: 400,
      message: "These settings do not fit each other",
      fix: "Mend what the details name; docs/encryption.md says what fits which kind",
    },
    "encryption.valueUnfit": {
      code: 400,
      message: "A value is not of the profile's kind; no token was made",
      fix: "The details say which and why; values themselves are never repeated",
    },
    "encryption.tokensUsedUp": {
      code: 409,
      message: "No free token was found in this format",
      fix: "Keep fewer digits, or make a profile with opaque tokens",
    },
    "encryption.tooManyValues": {
      code: 429,
      message: "You have had as many values of this profile in a minute as it allows",
      fix: "Wait a minute, or have the profile's limit raised",
    },
    "encryption.limitReached": {
      code: 429,
      message: "The account has as many token profiles as it may have",
      fix: "Delete what is no longer used",
    },
    "encryption.vaultDamaged": {
      code: 503,
      message: "A sealed value does not open: its row was changed, or the keys are others",
      fix: "Restore database and keys from one backup; ./cordon logs server has the cause",
    },
    "encryption.keysUnavailable": {
      code: 503,
      message: "The process that holds the keys does not answer or is sealed",
      fix: "./cordon status shows its state; ./cordon keys unseal opens a sealed root",
    },
  },
  texts: encryptionTexts,
  events: [
    "encryption.tokenProfileCreated",
    "encryption.tokenProfileDeleted",
    "encryption.unknownTokensAsked",
  ],
});
