/**
 * The text in memory of its own, for what outlives a request: a slice, as V8 makes one of most
 * substrings, keeps the whole request alive that it was cut from. Latin1.
 */
export const ownText = (text: string): string => Buffer.from(text, "latin1").toString("latin1");
