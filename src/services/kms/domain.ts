/** The rules of keys: what each state allows, when a key rotates, what its seal covers. Pure. */
import type { KeyBinding } from "../../engines/keys/binding.ts";
import {
  algorithmsOf,
  KEY_SPECS,
  type KeySpec,
  type KeyUsage,
  type SpecFacts,
} from "../../engines/keys/specs.ts";
import type { GRANT_OPERATIONS, Grant, KeyState, VersionState } from "./resources.ts";

export const limits = {
  /** Keys of an account, those waiting for deletion included. */
  keysMax: 10_000,
  versionsMax: 1_000,
  aliasesPerKeyMax: 50,
  grantsPerKeyMax: 1_000,
  replicasMax: 20,
  tagsMax: 50,
  secretsMax: 10_000,
  secretVersionsMax: 100,
  policyStatementsMax: 50,
  pendingDaysDefault: 30,
  rotationDaysDefault: 365,
  importTokenMs: 24 * 3_600_000,
} as const;

/** A key as its table has it. */
export type KeyRow = {
  readonly accountId: string;
  readonly keyId: string;
  /** What wrapped material and ciphertexts name; replicas share it. */
  readonly materialId: string;
  readonly region: string;
  readonly description: string;
  readonly spec: KeySpec;
  readonly usage: KeyUsage;
  readonly origin: "CORDON" | "EXTERNAL";
  readonly state: KeyState;
  readonly multiRegion: "none" | "primary" | "replica";
  readonly currentVersion: number | null;
  readonly policy: unknown;
  readonly policyText: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly rotationPeriodDays: number | null;
  readonly nextRotationTime: string | null;
  readonly createTime: string;
  readonly deleteTime: string | null;
  readonly seal: string;
};

/** A version as its table has it. */
export type VersionRow = {
  readonly materialId: string;
  readonly version: number;
  readonly state: VersionState;
  readonly origin: "CORDON" | "EXTERNAL";
  readonly rotation: "automatic" | "onDemand" | null;
  readonly wrapped: Buffer | null;
  readonly publicKey: Buffer | null;
  readonly materialMark: string | null;
  readonly materialDescription: string;
  readonly expireTime: string | null;
  readonly deleteTime: string | null;
  readonly createTime: string;
};

export type GrantRow = Grant & { readonly tokenHash: Buffer };

/** A key with all that decides about its use. */
export type KeyRecord = {
  readonly key: KeyRow;
  /** By version, ascending. */
  readonly versions: readonly VersionRow[];
  readonly grants: readonly GrantRow[];
};

const DAY_MS = 86_400_000;

export function daysAfter(nowMs: number, days: number): string {
  return new Date(nowMs + days * DAY_MS).toISOString();
}

/** The usage of a new key; undefined when it cannot be. */
export function usageOf(spec: KeySpec, wanted: KeyUsage | undefined): KeyUsage | undefined {
  const { usages }: SpecFacts = KEY_SPECS[spec];
  if (wanted === undefined) return usages.length === 1 ? usages[0] : undefined;
  return usages.includes(wanted) ? wanted : undefined;
}

/** PKCS #1 v1.5 encryption is not offered: its padding answers are an oracle. */
export function offeredAlgorithms(spec: KeySpec, usage: KeyUsage): string[] {
  return algorithmsOf(spec, usage).filter((name) => name !== "RSAES_PKCS1_V1_5");
}

export function isSymmetricSpec(spec: KeySpec): boolean {
  return ["aes", "sm4", "hmac"].includes(KEY_SPECS[spec].family);
}

export function bindingOf({ key }: KeyRecord, version: number): KeyBinding {
  const { accountId: account, materialId, spec: algorithm, usage } = key;
  return { account, key: materialId, version, algorithm, usage };
}

type KeyCommand =
  | "use"
  | "enable"
  | "disable"
  | "scheduleDeletion"
  | "cancelDeletion"
  | "import"
  | "deleteMaterial"
  | "rotate"
  | "change";

/** In which states of a key each command is taken. */
const ALLOWED: Readonly<Record<KeyCommand, readonly KeyState[]>> = {
  use: ["enabled"],
  enable: ["enabled", "disabled"],
  disable: ["enabled", "disabled"],
  scheduleDeletion: ["enabled", "disabled", "pendingImport"],
  cancelDeletion: ["pendingDeletion", "pendingReplicaDeletion"],
  import: ["pendingImport", "enabled", "disabled"],
  deleteMaterial: ["enabled", "disabled"],
  rotate: ["enabled"],
  change: ["enabled", "disabled", "pendingImport"],
};

/** The problem's reason when a key's state does not allow a command. */
export function stateFault(state: KeyState, command: KeyCommand): string | undefined {
  if (ALLOWED[command].includes(state)) return undefined;
  return state === "disabled" ? "kms.keyDisabled" : "kms.keyStateInvalid";
}

/** The version a use takes: the one asked for, or the current one; a reason when it cannot. */
export function usableVersion(
  { key, versions }: KeyRecord,
  wanted: number | undefined,
  nowMs: number,
): VersionRow | string {
  const fault = stateFault(key.state, "use");
  if (fault !== undefined) return fault;
  const number = wanted ?? key.currentVersion;
  const version = versions.find((one) => one.version === number);
  if (version === undefined) return wanted === undefined ? "kms.keyStateInvalid" : NO_VERSION;
  if (isExpired(version, nowMs)) return "kms.keyStateInvalid";
  return version.state === "enabled" && version.wrapped !== null
    ? version
    : "kms.versionStateInvalid";
}

const NO_VERSION = "kms.keyVersionNotFound";

/** Imported material counts as gone at its time, whether or not the job has removed it yet. */
export function isExpired({ expireTime }: VersionRow, nowMs: number): boolean {
  return expireTime !== null && Date.parse(expireTime) <= nowMs;
}

export function rotatable({ origin, multiRegion }: KeyRow): boolean {
  return origin === "CORDON" && multiRegion !== "replica";
}

/** JSON with sorted names: jsonb gives them back in an order of its own. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${canonicalJson(one)}`).join(",")}}`;
}

type GrantOperation = (typeof GRANT_OPERATIONS)[number];

const USAGE_OPERATIONS: Readonly<Record<KeyUsage, readonly GrantOperation[]>> = {
  ENCRYPT_DECRYPT: [
    "Encrypt",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
  ],
  SIGN_VERIFY: ["Sign", "Verify"],
  GENERATE_VERIFY_MAC: ["GenerateMac", "VerifyMac"],
  KEY_AGREEMENT: ["DeriveSharedSecret"],
  ENCAPSULATE_DECAPSULATE: ["Encapsulate", "Decapsulate"],
};
const ALWAYS: readonly GrantOperation[] = ["DescribeKey", "CreateGrant", "RetireGrant"];

/** True when a key of this spec and usage can do the operation. */
export function grantFits(key: KeyRow, operation: GrantOperation): boolean {
  if (ALWAYS.includes(operation)) return true;
  if (operation === "GetPublicKey") return !isSymmetricSpec(key.spec);
  if (operation.startsWith("GenerateDataKey") && !isSymmetricSpec(key.spec)) return false;
  return USAGE_OPERATIONS[key.usage].includes(operation);
}

/** True when the encryption context of a call is what the grant wants. */
export function constraintsHold(
  { equals, subset }: Grant["constraints"],
  context: Readonly<Record<string, string>>,
): boolean {
  if (equals !== undefined && canonicalJson(equals) !== canonicalJson(context)) return false;
  const needed = Object.entries(subset ?? {});
  return needed.every(([name, value]) => Object.hasOwn(context, name) && context[name] === value);
}
