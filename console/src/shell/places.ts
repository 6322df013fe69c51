/** A place of the console that a person can go to. */
export type Place = { readonly text: string; readonly href: string };
