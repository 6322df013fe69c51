/** Where a person's choices lie in this browser. */
export const PREFERENCE_PREFIX = "cordon.";

/** A preference as text, "" when it was never set. */
export const storedPreference = (name: string): string =>
  localStorage.getItem(PREFERENCE_PREFIX + name) ?? "";
