/** Fields that only some kinds of a thing have; a form asks for those of the chosen kind alone. */
import type { Operation } from "../../../src/kernel/operation.ts";
import type { FormField } from "./field-schema.ts";

type ByKind = Readonly<Record<string, string>>;

const CHANNEL: ByKind = {
  email: "to from smtpHost smtpPort smtpSecurity smtpUser smtpPassword trustPem language",
  webhook: "url signingSecret trustPem language",
  slack: "url language",
  teams: "url language",
  feishu: "url signingSecret language",
  dingtalk: "url signingSecret language",
};
const BY_OPERATION: Readonly<Record<string, ByKind>> = {
  "notify.createChannel": CHANNEL,
  "notify.updateChannel": CHANNEL,
};

/** The fields that a thing of this kind has, in the order in which they are asked for. */
export function relevantFields(
  operation: Operation,
  fields: readonly FormField[],
  kind: string,
): readonly FormField[] {
  const byKind = BY_OPERATION[operation.name];
  if (byKind === undefined) return fields;
  const ofSome = new Set(Object.values(byKind).flatMap((names) => names.split(" ")));
  const wanted = (byKind[kind] ?? "").split(" ");
  const common = fields.filter(({ name }) => !ofSome.has(name));
  return [...common, ...wanted.flatMap((name) => fields.filter((one) => one.name === name))];
}
