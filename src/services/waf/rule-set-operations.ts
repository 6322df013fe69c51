/** Rule sets: import, list, put on a site, go back, delete. */
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
import { RuleSetId, Site, SiteId } from "./resources.ts";

const ARCHIVE_BYTES_MAX = 16 * 1_048_576;
/** Base64 takes four characters for three bytes. */
const ARCHIVE_CHARS_MAX = Math.ceil(ARCHIVE_BYTES_MAX / 3) * 4;

export const RuleSet = Type.Object({
  ruleSetId: RuleSetId,
  name: Type.String(),
  version: Type.String(),
  /** Of the archive as it was imported; of the files, for the installed set. */
  sha256: Type.String(),
  rules: Type.Integer(),
  files: Type.Integer(),
  /** Where it is from: the archive's name, or the folder that is installed. */
  origin: Type.String(),
  /** Sites of this account that follow it. */
  siteIds: Type.Array(idSchema("site")),
  createdBy: Type.String(),
  /** Null for the installed set. */
  createTime: Type.Union([Time, Type.Null()]),
});
export type RuleSet = Static<typeof RuleSet>;

export const ruleSetOperations = {
  listRuleSets: operation({
    name: "waf.listRuleSets",
    summary: "List the installed rule set and the imported ones",
    method: "GET",
    path: "/ruleSets",
    action: "waf:ListRuleSets",
    resource: "ruleSet/*",
    input: listInput({}),
    output: listOutput("ruleSets", RuleSet),
  }),
  importRuleSet: operation({
    name: "waf.importRuleSet",
    summary: "Import a rule set from a .tar.gz; no site changes until it is put on one",
    method: "POST",
    path: "/ruleSets",
    action: "waf:ImportRuleSet",
    resource: "ruleSet/*",
    input: input({
      /** Base64 (RFC 4648 §4). */
      archive: Type.String({
        minLength: 4,
        maxLength: ARCHIVE_CHARS_MAX,
        pattern: "^[A-Za-z0-9+/]+={0,2}$",
        contentEncoding: "base64",
        contentMediaType: "application/gzip",
        description: "The .tar.gz in base64",
      }),
      name: Type.Optional(Name),
      origin: Type.Optional(Name),
    }),
    hashedInput: ["archive"],
    output: RuleSet,
    problems: [
      "account.operatorOnly",
      "waf.ruleSetInvalid",
      "waf.ruleSetExists",
      "waf.ruleSetLimit",
    ],
    bodyBytesMax: ARCHIVE_CHARS_MAX + 65_536,
  }),
  rollBackRuleSet: operation({
    name: "waf.rollBackRuleSet",
    summary: "Put the rule set that a site followed before on it again",
    method: "POST",
    path: "/sites/{siteId}:rollBackRuleSet",
    action: "waf:UpdateSite",
    resource: "site/{siteId}",
    input: input({ siteId: SiteId }),
    output: Site,
    problems: ["waf.siteNotFound", "waf.noPreviousRuleSet", "waf.ruleSetNotFound"],
  }),
  deleteRuleSet: operation({
    name: "waf.deleteRuleSet",
    summary: "Delete an imported rule set that no site follows",
    method: "DELETE",
    path: "/ruleSets/{ruleSetId}",
    action: "waf:DeleteRuleSet",
    resource: "ruleSet/{ruleSetId}",
    input: input({ ruleSetId: RuleSetId }),
    output: Empty,
    problems: ["account.operatorOnly", "waf.ruleSetNotFound", "waf.ruleSetInUse"],
    dangerous: true,
  }),
};

export const ruleSetResources = [
  {
    name: "ruleSet",
    idField: "ruleSetId",
    idPrefix: "rset",
    titleField: "name",
    columns: ["name", "version", "rules", "sha256", "origin", "siteIds", "createTime"],
    list: "listRuleSets",
    create: "importRuleSet",
    delete: "deleteRuleSet",
  },
] as const;

export const ruleSetProblems = {
  "waf.ruleSetNotFound": {
    code: 404,
    message: "There is no such rule set",
    fix: "List the rule sets and take an id from there",
  },
  "waf.ruleSetInvalid": {
    code: 400,
    message: "The archive cannot be used as a rule set",
    fix: "Mend what the details name by file and line; nothing was changed",
  },
  "waf.ruleSetExists": {
    code: 409,
    message: "A rule set with exactly these files is there already",
    fix: "List the rule sets; put that one on a site",
  },
  "waf.ruleSetLimit": {
    code: 409,
    message: "There are as many imported rule sets as there may be",
    fix: "Delete those that no site follows",
  },
  "waf.ruleSetInUse": {
    code: 409,
    message: "A site follows this rule set",
    fix: "Put another rule set on every site that follows it first",
  },
  "waf.noPreviousRuleSet": {
    code: 409,
    message: "This site has followed no other rule set before",
    fix: "Choose one: change the site's ruleSetId",
  },
} as const;

export const ruleSetEvents = ["waf.ruleSetImported", "waf.ruleSetDeleted"] as const;
