/** Arguments and cookies as a back end would read them. */
import { addTo, type Collection, createCollection } from "./collection.ts";
import { transformations } from "./transformations.ts";

const limits = { argumentsMax: 4_096, cookiesMax: 512 } as const;

/** Decodes `%41` and `+`; what is no valid escape stays as it is. */
function decode(text: string): string {
  return transformations.urldecode?.(text) ?? text;
}

/** `a=1&b=2` → named values. Beyond the limit nothing is read; the caller's rules see the count. */
export function parseArguments(query: string, separator: string): Collection {
  const collection = createCollection();
  let start = 0;
  while (start < query.length && collection.names.length < limits.argumentsMax) {
    const found = query.indexOf(separator, start);
    const end = found === -1 ? query.length : found;
    if (end > start) {
      const pair = query.slice(start, end);
      const equals = pair.indexOf("=");
      if (equals === -1) addTo(collection, decode(pair), "");
      else addTo(collection, decode(pair.slice(0, equals)), decode(pair.slice(equals + 1)));
    }
    start = end + 1;
  }
  return collection;
}

/** `a=1; b=2` (RFC 6265 §4.2); values are not decoded. */
export function parseCookies(header: string, take: (name: string, value: string) => void): void {
  let count = 0;
  for (const part of header.split(";")) {
    if (part.trim() === "" || count >= limits.cookiesMax) continue;
    count += 1;
    const equals = part.indexOf("=");
    if (equals === -1) take(part.trim(), "");
    else take(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
}
