/** Which fields an intermediary passes on: RFC 9110 §7.6.1. */
import { addField, emptyFields, type Fields } from "./fields.ts";

/** Fields of one connection only. Framing fields are written anew by the writer. */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
  "proxy-authenticate",
  "proxy-authorization",
]);

/** Fields that no trailer may set (RFC 9110 §6.5.1): framing, routing, authentication, control. */
const notInTrailers = new Set([
  ...hopByHop,
  "content-length",
  "host",
  "trailer",
  "authorization",
  "cookie",
  "set-cookie",
  "content-encoding",
  "content-type",
  "content-range",
  "cache-control",
  "expect",
  "max-forwards",
  "range",
  "www-authenticate",
]);

/** Lower-case names that Connection nominates for removal, null when it nominates none. */
export function nominatedFields(fields: Fields): Set<string> | null {
  let names: Set<string> | null = null;
  for (let at = 0; at < fields.lower.length; at++) {
    if (fields.lower[at] !== "connection") continue;
    const value = (fields.values[at] ?? "").toLowerCase();
    if (value === "keep-alive" || value === "close") continue;
    names ??= new Set();
    for (const option of value.split(",")) names.add(option.trim());
  }
  return names;
}

/** Whether a field with this lower-case name goes on to the next hop. */
export const isForwarded = (lowerName: string, nominated: Set<string> | null): boolean =>
  !hopByHop.has(lowerName) && (nominated === null || !nominated.has(lowerName));

/** The trailer fields that may go on to the next hop, in their order. */
export function forwardedTrailers(trailers: Fields): Fields {
  const kept = emptyFields();
  for (let at = 0; at < trailers.lower.length; at++) {
    if (notInTrailers.has(trailers.lower[at] ?? "")) continue;
    addField(kept, trailers.names[at] ?? "", trailers.values[at] ?? "");
  }
  return kept;
}
