/**
 * Names of fields that clients and servers usually send, as they are usually spelled: one of them
 * is found in a head without a new string being made for it, nor for its lower-case form.
 */

/** A name as received and its lower-case form. */
export type FieldName = { readonly name: string; readonly lower: string };

/** Of the registry of RFC 9110 §16.3 and of what browsers add. */
const USUAL = `
A-IM Accept Accept-Charset Accept-Encoding Accept-Language Accept-Ranges
Access-Control-Allow-Credentials Access-Control-Allow-Headers Access-Control-Allow-Methods
Access-Control-Allow-Origin Access-Control-Expose-Headers Access-Control-Max-Age
Access-Control-Request-Headers Access-Control-Request-Method Age Allow Alt-Svc Authorization
Cache-Control Connection Content-Disposition Content-Encoding Content-Language Content-Length
Content-Location Content-Range Content-Security-Policy Content-Type Cookie
Cross-Origin-Embedder-Policy Cross-Origin-Opener-Policy Cross-Origin-Resource-Policy DNT Date ETag
Expect Expires Forwarded From Host If-Match If-Modified-Since If-None-Match If-Range
If-Unmodified-Since Keep-Alive Last-Modified Link Location Max-Forwards Origin Permissions-Policy
Pragma Priority Proxy-Authorization Proxy-Connection Range Referer Referrer-Policy Retry-After
Sec-CH-UA Sec-CH-UA-Mobile Sec-CH-UA-Platform Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site
Sec-Fetch-User Sec-GPC Sec-WebSocket-Accept Sec-WebSocket-Extensions Sec-WebSocket-Key
Sec-WebSocket-Protocol Sec-WebSocket-Version Server Set-Cookie Strict-Transport-Security TE
Trailer Transfer-Encoding Upgrade Upgrade-Insecure-Requests User-Agent Vary Via WWW-Authenticate
X-Content-Type-Options X-Forwarded-For X-Forwarded-Host X-Forwarded-Port X-Forwarded-Proto
X-Frame-Options X-Powered-By X-Real-IP X-Request-ID X-Requested-With X-XSS-Protection`
  .trim()
  .split(/\s+/)
  .flatMap((name) => [name, name.toLowerCase()]);

const PLACES = 1_024;

/** Where a name is looked for: by its length, and its first, middle and last character. */
const placeOf = (text: string, start: number, end: number): number =>
  ((end - start) * 37 +
    text.charCodeAt(start) * 5 +
    text.charCodeAt((start + end) >> 1) * 17 +
    text.charCodeAt(end - 1)) &
  (PLACES - 1);

const places: FieldName[][] = Array.from({ length: PLACES }, () => []);
for (const name of new Set(USUAL)) {
  places[placeOf(name, 0, name.length)]?.push({ name, lower: name.toLowerCase() });
}

/** The usual name that stands between two places of a text; undefined for any other. */
export function usualName(text: string, start: number, end: number): FieldName | undefined {
  const known = places[placeOf(text, start, end)];
  if (known === undefined) return undefined;
  for (let at = 0; at < known.length; at++) {
    const one = known[at];
    if (one?.name.length === end - start && text.startsWith(one.name, start)) return one;
  }
  return undefined;
}
