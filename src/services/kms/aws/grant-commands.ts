/** Commands on aliases, key policies and grants. */
import { Problem } from "../../../kernel/problem.ts";
import type { Alias, Grant } from "../resources.ts";
import { type AwsCall, accountNumber, type Fields, given, keyArn, keyOf, seconds } from "./call.ts";
import { type AwsCommand, command, listAnswer, onKey, pageOf, refuse, withKey } from "./declare.ts";
import { documentOf, policyText } from "./policy-form.ts";

/** Our names have no prefix. @throws Problem kms.aliasNameInvalid. */
function aliasName(value: unknown): string {
  const name = typeof value === "string" ? /^alias\/(.+)$/.exec(value)?.[1] : undefined;
  if (name !== undefined && /^(?!aws\/)(?!cordon\/)[A-Za-z0-9/_-]{1,250}$/.test(name)) return name;
  throw new Problem("kms.aliasNameInvalid");
}

function onAlias(native: string, withTarget: boolean): AwsCommand {
  return command<unknown>({
    native,
    async input(call) {
      const name = { aliasName: aliasName(call.body.AliasName) };
      if (!withTarget) return name;
      const target = await keyOf(call, call.body.TargetKeyId);
      return { ...name, keyId: target.keyId };
    },
    answer: () => ({}),
  });
}

export const aliasCommands: Readonly<Record<string, AwsCommand>> = {
  CreateAlias: onAlias("kms.createAlias", true),
  UpdateAlias: onAlias("kms.updateAlias", true),
  DeleteAlias: onAlias("kms.deleteAlias", false),
  ListAliases: command<{ aliases: Alias[]; totalCount: number }>({
    native: "kms.listAliases",
    async input(call) {
      if (call.body.KeyId === undefined) return pageOf(call);
      return withKey(call, pageOf(call));
    },
    async answer({ aliases, totalCount }, call) {
      const items = await Promise.all(aliases.map((one) => aliasEntry(one, call)));
      return listAnswer(call, { name: "Aliases", items, totalCount });
    },
  }),
};

async function aliasEntry(
  { aliasName: name, keyId, createTime, updateTime }: Alias,
  call: AwsCall,
) {
  const record = await call.directory.find(call.accountId, keyId, call.nowMs);
  const { region } = call;
  return {
    AliasName: `alias/${name}`,
    AliasArn: `arn:aws:kms:${region}:${accountNumber(call.accountId)}:alias/${name}`,
    TargetKeyId: record?.key.materialId ?? keyId,
    CreationDate: seconds(createTime),
    LastUpdatedDate: seconds(updateTime),
  };
}

type KeyPolicy = { document: Fields; sourceText: string | null };

/** There is one policy, and its name is fixed. */
function onlyDefault({ PolicyName: name }: Fields): void {
  if (name === undefined || name === "default") return;
  throw new Problem("kms.keyNotFound");
}

export const policyCommands: Readonly<Record<string, AwsCommand>> = {
  GetKeyPolicy: command<KeyPolicy>({
    native: "kms.getKeyPolicy",
    input(call) {
      onlyDefault(call.body);
      return withKey(call);
    },
    answer: ({ document, sourceText }, call) => ({
      Policy: sourceText ?? policyText(document, call),
      PolicyName: "default",
    }),
  }),
  PutKeyPolicy: command<KeyPolicy>({
    native: "kms.setKeyPolicy",
    input(call) {
      const { body } = call;
      onlyDefault(body);
      return withKey(call, {
        document: documentOf(body.Policy, call),
        sourceText: body.Policy,
        confirmLockOut: body.BypassPolicyLockoutSafetyCheck,
      });
    },
    answer: () => ({}),
  }),
  ListKeyPolicies: onKey("kms.getKey", undefined, () => ({
    PolicyNames: ["default"],
    Truncated: false,
  })),
};

const PRINCIPAL = /^(?:arn:aws:iam::(\d{12}):(?:user|role)\/)?((?:user|role)-[0-9a-z]{10})$/;
/** A principal that nobody is. */
const NOBODY = "user-0000000000";

/** A principal by ARN or id; one of another account is nobody. */
function principalId(value: unknown, call: AwsCall): string | undefined {
  if (value === undefined) return undefined;
  const match = typeof value === "string" ? PRINCIPAL.exec(value) : null;
  if (match === null) throw new Problem("kms.arnInvalid");
  const [, number, id] = match;
  return number === undefined || number === accountNumber(call.accountId) ? id : NOBODY;
}

function principalArn(id: string, call: AwsCall): string {
  const kind = id.startsWith("role-") ? "role" : "user";
  return `arn:aws:iam::${accountNumber(call.accountId)}:${kind}/${id}`;
}

async function grantEntry(grant: Grant, call: AwsCall) {
  const record = await call.directory.find(call.accountId, grant.keyId, call.nowMs);
  const { equals, subset } = grant.constraints;
  return given({
    KeyId: record && keyArn(call, { id: record.key.materialId, region: record.key.region }),
    GrantId: grant.grantId,
    Name: grant.name,
    CreationDate: seconds(grant.createTime),
    GranteePrincipal: principalArn(grant.grantee, call),
    RetiringPrincipal: grant.retiring === null ? undefined : principalArn(grant.retiring, call),
    IssuingAccount: `arn:aws:iam::${accountNumber(call.accountId)}:root`,
    Operations: grant.operations,
    Constraints:
      equals === undefined && subset === undefined
        ? undefined
        : given({ EncryptionContextEquals: equals, EncryptionContextSubset: subset }),
  });
}

const SERVICE_PRINCIPALS = ["GranteeServicePrincipal", "RetiringServicePrincipal"];
type Grants = { grants: Grant[]; totalCount: number };
async function grantsAnswer({ grants, totalCount }: Grants, call: AwsCall) {
  const items = await Promise.all(grants.map((one) => grantEntry(one, call)));
  return listAnswer(call, { name: "Grants", items, totalCount });
}

export const grantCommands: Readonly<Record<string, AwsCommand>> = {
  CreateGrant: command<{ grant: Grant; grantToken: string }>({
    native: "kms.createGrant",
    input(call) {
      const { body } = call;
      refuse(body, SERVICE_PRINCIPALS);
      const limits = { ...(body.Constraints as object) } as Fields;
      refuse(limits, ["SourceArn"]);
      const equals = limits.EncryptionContextEquals;
      const subset = limits.EncryptionContextSubset;
      return withKey(call, {
        name: body.Name,
        grantee: principalId(body.GranteePrincipal, call),
        retiring: principalId(body.RetiringPrincipal, call),
        operations: body.Operations,
        constraints: given({ equals, subset }),
        dryRun: body.DryRun,
      });
    },
    // The token names the grant as well: retiring by token needs no search.
    answer: ({ grant, grantToken }) => ({
      GrantId: grant.grantId,
      GrantToken: `${grant.grantId}.${grantToken}`,
    }),
  }),
  ListGrants: command<Grants>({
    native: "kms.listGrants",
    input(call) {
      const { GrantId: grantId, GranteePrincipal: grantee, GranteeServicePrincipal } = call.body;
      refuse({ GranteeServicePrincipal }, SERVICE_PRINCIPALS);
      const filters = [
        ...(grantId === undefined ? [] : [{ name: "grantId", values: [grantId] }]),
        ...(grantee === undefined
          ? []
          : [{ name: "grantee", values: [principalId(grantee, call)] }]),
      ];
      return withKey(call, { ...pageOf(call), ...(filters.length > 0 ? { filters } : {}) });
    },
    answer: grantsAnswer,
  }),
  ListRetirableGrants: command<Grants>({
    native: "kms.listRetirableGrants",
    input(call) {
      refuse(call.body, SERVICE_PRINCIPALS);
      return given({ ...pageOf(call), retiring: principalId(call.body.RetiringPrincipal, call) });
    },
    answer: grantsAnswer,
  }),
  RevokeGrant: command<unknown>({
    native: "kms.revokeGrant",
    input: (call) =>
      withKey(call, { grantId: grantIdOf(call.body.GrantId), dryRun: call.body.DryRun }),
    answer: () => ({}),
  }),
  RetireGrant: command<unknown>({
    native: "kms.retireGrant",
    input({ body }) {
      const { GrantToken: token, GrantId: grantId, DryRun: dryRun } = body;
      if (token === undefined) return given({ grantId: grantIdOf(grantId), dryRun });
      const [id] = typeof token === "string" ? token.split(".") : [];
      if (id === undefined || !GRANT_ID.test(id)) throw new Problem("kms.grantTokenInvalid");
      return given({ grantId: id, dryRun });
    },
    answer: () => ({}),
  }),
};

const GRANT_ID = /^grt-[0-9a-z]{10}$/;

function grantIdOf(value: unknown): string {
  if (typeof value === "string" && GRANT_ID.test(value)) return value;
  throw new Problem("kms.grantIdInvalid");
}
