/** What is known of guarded pages, as plain data. */
import type { PageCopy } from "./page-copies.ts";

/** A guarded page of a site, and what was last seen of it. */
export type GuardedPage = {
  readonly path: string;
  /** SHA-256 of the approved body; null: none was approved yet. */
  readonly approved: string | null;
  seen: { readonly digest: string; readonly bytes: number; readonly timeMs: number } | null;
  /** The body last seen, until it is approved or another is seen. */
  candidate: PageCopy | null;
  state: "unseen" | "unapproved" | "approved" | "changed";
};

export type PageGuard = {
  readonly protects: boolean;
  readonly pages: ReadonlyMap<string, GuardedPage>;
};

/** Fields of a request that would have the upstream send another form of the page, or a part. */
export const pageFormFields = new Set([
  ...["accept-encoding", "range", "if-range", "if-none-match", "if-modified-since", "if-match"],
  "if-unmodified-since",
]);
