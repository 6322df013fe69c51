/**
 * A request path as rules of a site read it: decoded once, without dot segments and doubled
 * slashes, and whether servers could disagree about what it names.
 */

export type PathView = {
  /** Decoded once, dot segments resolved (RFC 3986 §5.2.4), slashes merged. */
  readonly normal: string;
  /**
   * True when two servers could read the path differently: encoded slashes, a second layer of
   * encoding, backslashes, path parameters, dot segments. What loosens protection never applies.
   */
  readonly isAmbiguous: boolean;
  /** Each path that a server could take it for, the one that decodes most first. */
  readonly readings: readonly string[];
};

const DECODINGS_MAX = 3;

const suspicious = /[\\;\0%]|\/\/|(?:^|\/)\.{1,2}(?:\/|$)/;
const encodedSeparator = /%(?:2f|5c|00|2e)/i;

/** Reads the path of a request target, as far as its query. */
export function viewPath(target: string): PathView {
  const question = target.indexOf("?");
  const raw = question < 0 ? target : target.substring(0, question);
  if (!suspicious.test(raw)) return { normal: raw, isAmbiguous: false, readings: [raw] };
  const decoded = raw.includes("%") ? decodeOnce(raw) : raw;
  const isAmbiguous =
    encodedSeparator.test(raw) || suspicious.test(decoded.replace(/%(?![0-9a-f]{2})/gi, ""));
  const normal = withoutDots(decoded);
  if (!isAmbiguous) return { normal, isAmbiguous, readings: [normal] };
  const readings = new Set([mostDecoded(decoded), normal, raw]);
  return { normal, isAmbiguous, readings: [...readings] };
}

/** `/api` covers `/api` and `/api/users`, never `/apix`; `/api/` covers what is below it. */
export function isBelow(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return prefix.endsWith("/") || path.length === prefix.length || path[prefix.length] === "/";
}

/** As servers read it that decode again, take `\` for a slash and drop path parameters. */
function mostDecoded(decoded: string): string {
  let text = decoded;
  for (let times = 1; times < DECODINGS_MAX && text.includes("%"); times++) text = decodeOnce(text);
  return withoutDots(text.replaceAll("\\", "/").replace(/;[^/]*/g, ""));
}

function decodeOnce(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}

function withoutDots(path: string): string {
  if (!/\/\/|(?:^|\/)\.{1,2}(?:\/|$)/.test(path)) return path;
  const kept: string[] = [];
  const segments = path.split("/");
  for (const [at, segment] of segments.entries()) {
    const isLast = at === segments.length - 1;
    if (segment === "..") kept.pop();
    if (segment === "" || segment === "." || segment === "..") {
      if (isLast && at > 0) kept.push("");
    } else kept.push(segment);
  }
  return `/${kept.join("/")}`;
}
