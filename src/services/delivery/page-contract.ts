/** Guarded pages of sites: which ones, what was seen of them, and their approval. */
import Type, { type Static } from "typebox";
import { PageSettings } from "../../kernel/intent/site-delivery.ts";
import { idSchema, input, listInput, listOutput, operation, Time } from "../../kernel/operation.ts";

const SiteId = idSchema("site");
const { mode, paths } = PageSettings.properties;
const Digest = Type.String({ pattern: "^[0-9a-f]{64}$", description: "SHA-256 of the body" });

/** `<siteId>.<path in base64url>`. */
const PageId = Type.String({ maxLength: 1_500, pattern: "^site-[0-9a-z]{10}\\.[A-Za-z0-9_-]+$" });

export const Pages = Type.Object({
  siteId: SiteId,
  updateTime: Type.Union([Time, Type.Null()]),
  pageMode: mode,
  pagePaths: paths,
});

export const GuardedPage = Type.Object({
  guardedPageId: PageId,
  siteId: SiteId,
  path: Type.String(),
  state: Type.Enum(["unseen", "unapproved", "approved", "changed"]),
  /** Of the body that a gateway saw last; null: none did. */
  digest: Type.Union([Type.String(), Type.Null()]),
  approvedDigest: Type.Union([Digest, Type.Null()]),
  byteCount: Type.Integer(),
  seenTime: Type.Union([Time, Type.Null()]),
  gateway: Type.String(),
});
export type GuardedPage = Static<typeof GuardedPage>;

export const pageResource = {
  name: "guardedPage",
  idField: "guardedPageId",
  idPrefix: "",
  titleField: "path",
  columns: ["path", "siteId", "state", "digest", "byteCount", "seenTime", "gateway"],
  list: "listGuardedPages",
} as const;

export const pageOperations = {
  getPages: operation({
    name: "delivery.getPages",
    summary: "Get which pages of a site are guarded",
    method: "GET",
    path: "/sites/{siteId}/pages",
    action: "delivery:GetPages",
    resource: "site/{siteId}",
    input: input({ siteId: SiteId }),
    output: Pages,
    problems: ["delivery.siteNotFound"],
  }),
  setPages: operation({
    name: "delivery.setPages",
    summary: "Set which pages of a site are guarded; what was approved of them stays approved",
    method: "PUT",
    path: "/sites/{siteId}/pages",
    action: "delivery:SetPages",
    resource: "site/{siteId}",
    input: input({
      siteId: SiteId,
      pageMode: Type.Optional(mode),
      pagePaths: Type.Optional(paths),
    }),
    output: Pages,
    problems: ["delivery.siteNotFound"],
  }),
  listGuardedPages: operation({
    name: "delivery.listGuardedPages",
    summary: "List guarded pages as the gateways saw them last",
    method: "GET",
    path: "/pages",
    action: "delivery:ListGuardedPages",
    resource: "site/*",
    input: listInput({ siteId: Type.Optional(SiteId) }),
    output: listOutput("guardedPages", GuardedPage),
  }),
  approvePage: operation({
    name: "delivery.approvePage",
    summary: "Approve a page as it was seen: from now on it must not be another",
    method: "POST",
    path: "/pages/{guardedPageId}:approve",
    action: "delivery:ApprovePage",
    resource: "page/{guardedPageId}",
    input: input({ guardedPageId: PageId, digest: Digest }),
    output: GuardedPage,
    problems: ["delivery.pageNotFound", "delivery.pageNotSeen"],
  }),
};

export const pageProblems = {
  "delivery.pageNotFound": {
    code: 404,
    message: "There is no such guarded page",
    fix: "List the guarded pages and take an id from there",
  },
  "delivery.pageNotSeen": {
    code: 409,
    message: "No gateway saw the page with this digest last, so there is no copy to serve",
    fix: "Open the page through the gateway, list the pages, and approve the digest shown there",
  },
} as const;
