/** What rules call secret; sanitize.ts keeps it out of what is told. */

/** Which values are secret: those of one name, or the one that matched. */
export type Secret =
  | { readonly kind: "argument" | "requestHeader" | "responseHeader"; readonly name: string }
  | { readonly kind: "matched" };

/** Names of variables in lower case, and texts of what has no name. */
export type Hidden = { readonly names: Set<string>; readonly texts: Set<string> };
