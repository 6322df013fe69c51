/** What a person chose, kept in this browser: never anything secret, never more than the limit. */
import { useSyncExternalStore } from "react";
import { PREFERENCE_PREFIX, storedPreference } from "./stored-preference.ts";

const VALUE_CHARS_MAX = 20_000;
const changed = new EventTarget();

function subscribe(listener: () => void): () => void {
  changed.addEventListener("change", listener);
  window.addEventListener("storage", listener);
  return () => {
    changed.removeEventListener("change", listener);
    window.removeEventListener("storage", listener);
  };
}

function store(name: string, text: string): void {
  if (text.length > VALUE_CHARS_MAX) return;
  try {
    localStorage.setItem(PREFERENCE_PREFIX + name, text);
  } catch {
    // A full or forbidden store: the choice then lasts as long as the page.
  }
  changed.dispatchEvent(new Event("change"));
}

/** A preference as text, "" when it was never set; every component that reads it follows. */
export function usePreference(name: string): [string, (text: string) => void] {
  const text = useSyncExternalStore(subscribe, () => storedPreference(name));
  return [text, (next) => store(name, next)];
}

/** A preference as JSON; `otherwise` when it is missing or not what `isValid` takes. */
export function useStored<Value>(
  name: string,
  { otherwise, isValid }: { otherwise: Value; isValid(value: unknown): value is Value },
): [Value, (value: Value) => void] {
  const [text, set] = usePreference(name);
  let value = otherwise;
  try {
    const parsed: unknown = text === "" ? undefined : JSON.parse(text);
    if (isValid(parsed)) value = parsed;
  } catch {
    // Written by an older console, or by hand.
  }
  return [value, (next) => set(JSON.stringify(next))];
}

/** True when every item is text. */
export function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
