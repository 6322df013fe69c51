/** How words in two languages are kept side by side, and how one language is taken from them. */

/** English, then Simplified Chinese. */
export type Pair = readonly [english: string, chinese: string];
export type Pairs = Readonly<Record<string, Pair>>;

/**
 * The words of one service. English titles of operations and English texts of problems stand in
 * its contract, so only their Chinese is here.
 */
export type ServiceWords = {
  /** Plural names of its resources, as the navigation shows them. */
  readonly resource?: Pairs;
  /** What a resource is for, in one sentence: shown while its list is empty. */
  readonly about?: Pairs;
  readonly field?: Pairs;
  /** What may stand in a field of a form, where its label does not say enough. */
  readonly hint?: Pairs;
  /** Values of enumerations. */
  readonly value?: Pairs;
  /** Chinese title by operation key, such as `createSite`. */
  readonly operation: Readonly<Record<string, string>>;
  /** Chinese message and fix by reason without the service, such as `siteNotFound`. */
  readonly problem: Readonly<Record<string, readonly [message: string, fix: string]>>;
};

/** One language of pairs. */
export function side<const Given extends Pairs>(pairs: Given, at: 0 | 1) {
  const entries = Object.entries(pairs).map(([key, pair]) => [key, pair[at]]);
  // Object.fromEntries forgets the keys that it was given.
  return Object.fromEntries(entries) as { readonly [Key in keyof Given]: string };
}
