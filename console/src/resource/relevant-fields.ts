/** Fields that only some kinds of a thing have; a form asks for those of the chosen kind alone. */
import type { Operation } from "../../../src/kernel/operation.ts";
import type { FormField } from "./field-schema.ts";

/** Names of fields, apart by spaces, by the kind that has them. */
type ByKind = Readonly<Record<string, string>>;
type Kinds = {
  /** The field that says the kind. */
  readonly by: string;
  readonly fields: ByKind;
  /** What a kind cannot do without, though the schema, which is for all, leaves it open. */
  readonly needed?: ByKind;
};

const CHANNEL: ByKind = {
  email: "to from smtpHost smtpPort smtpSecurity smtpUser smtpPassword trustPem language",
  webhook: "url signingSecret trustPem language",
  slack: "url language",
  teams: "url language",
  feishu: "url signingSecret language",
  dingtalk: "url signingSecret language",
};
const CHANNEL_NEEDED: ByKind = {
  ...{ webhook: "url", slack: "url", teams: "url", feishu: "url", dingtalk: "url" },
  email: "to from smtpHost smtpPort smtpSecurity",
};
const IDENTITY: ByKind = {
  header: "identityName hashUsers",
  cookie: "identityName hashUsers",
  jwtClaim: "identityName hashUsers jwtVerification jwks jwtSecret",
  clientCertificate: "hashUsers",
  basicAuth: "hashUsers",
};
const IDENTITY_NEEDED: ByKind = {
  ...{ header: "identityName", cookie: "identityName", jwtClaim: "identityName" },
};
const BY_OPERATION: Readonly<Record<string, Kinds>> = {
  "notify.createChannel": { by: "kind", fields: CHANNEL, needed: CHANNEL_NEEDED },
  "notify.updateChannel": { by: "kind", fields: CHANNEL },
  "appgateway.setUserAudit": { by: "identitySource", fields: IDENTITY, needed: IDENTITY_NEEDED },
};

/** The fields that a thing of its kind has, in the order in which they are asked for. */
export function relevantFields(
  operation: Operation,
  fields: readonly FormField[],
  textFor: (name: string) => string,
): readonly FormField[] {
  const kinds = BY_OPERATION[operation.name];
  if (kinds === undefined) return fields;
  const kind = textFor(kinds.by);
  const ofSome = new Set(Object.values(kinds.fields).flatMap((names) => names.split(" ")));
  const wanted = (kinds.fields[kind] ?? "").split(" ");
  const needed = (kinds.needed?.[kind] ?? "").split(" ");
  const common = fields.filter(({ name }) => !ofSome.has(name));
  const own = wanted.flatMap((name) => fields.filter((one) => one.name === name));
  return [
    ...common,
    ...own.map((field) => (needed.includes(field.name) ? { ...field, required: true } : field)),
  ];
}
