/** Shapes of a site's policy: its settings, its routes and its custom rules. */
import Type, { type Static } from "typebox";
import {
  RuleAction,
  RuleCondition,
  routeSettings,
  sitePolicySettings,
} from "../../kernel/intent/site-policy-document.ts";
import { CodedOrNull, idSchema, Name, Text, Time } from "../../kernel/operation.ts";
import { SiteId } from "./resources.ts";

export const RouteId = idSchema("route");
export const CustomRuleId = idSchema("crule");

/** Settings of a site for the requests that come, beside its routes and rules. */
export const SitePolicy = Type.Object({ siteId: SiteId, ...sitePolicySettings });
export type SitePolicy = Static<typeof SitePolicy>;

export const routeFields = {
  name: Name,
  /** Among globs the lowest is asked first. */
  position: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
  ...routeSettings,
};

/** Of a new route; null keeps what its site has. */
export const routeDefaults = {
  position: 100,
  match: "prefix",
  mode: null,
  paranoiaLevel: null,
  inboundThreshold: null,
  outboundThreshold: null,
  requestBodyBytesMax: null,
  uploadBytesMax: null,
  bypass: false,
  blockPage: null,
} as const;

export const Route = Type.Object({
  routeId: RouteId,
  siteId: SiteId,
  ...routeFields,
  createTime: Time,
  updateTime: Time,
});
export type Route = Static<typeof Route>;

export const ruleFields = {
  name: Name,
  enabled: Type.Boolean(),
  /** The lowest is asked first. */
  position: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
  /** Null: every request. */
  when: Type.Union([RuleCondition, Type.Null()]),
  action: RuleAction,
  note: Text,
  expireTime: Type.Union([Time, Type.Null()]),
};

export const ruleDefaults = {
  enabled: false,
  position: 100,
  when: null,
  note: "",
  expireTime: null,
} as const;

export const CustomRule = Type.Object({
  customRuleId: CustomRuleId,
  siteId: SiteId,
  ...ruleFields,
  createdBy: Type.String(),
  createTime: Time,
  updateTime: Time,
});
export type CustomRule = Static<typeof CustomRule>;

/** What stops the use of one vulnerability; a site's policy switches it on. */
export const VirtualPatch = Type.Object({
  /** The CVE. */
  patchId: Type.String(),
  title: Type.String(),
  titleCoded: CodedOrNull,
  description: Type.String(),
  descriptionCoded: CodedOrNull,
});
