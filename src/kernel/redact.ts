/** Takes secrets out of text that leaves the machine: by their form, and by their very value. */

const MASK = "(redacted)";
/** Shorter values would take away half of every text. */
const VALUE_CHARS_MIN = 6;

const FORMS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g, MASK],
  // What stands in a log as one line of JSON has its line feeds escaped.
  [/\bcordon_[A-Za-z0-9_-]{8,}/g, MASK],
  [/\bcordon-share-\S+/g, MASK],
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^/\s:@"]*:[^/\s@"]*@/gi, `$1${MASK}@`],
  [/\b(bearer|basic|digest|negotiate)\s+[A-Za-z0-9._~+/=-]{4,}/gi, `$1 ${MASK}`],
  [/((?:set-)?cookie["']?\s*[:=]\s*["']?)[^"'\r\n]+/gi, `$1${MASK}`],
  [
    /((?:pass(?:word|phrase|wd)?|secret|token|pin|api[-_]?key|private[-_]?key|code)["']?\s*[:=]\s*["']?)[^\s"',;&}]+/gi,
    `$1${MASK}`,
  ],
  [/(\/setup#)[A-Za-z0-9_-]+/g, `$1${MASK}`],
  [/\b[0-9a-f]{32,}\b/gi, MASK],
  [
    /(?<![A-Za-z0-9+/_-])(?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[A-Z])[A-Za-z0-9+/_-]{28,}={0,2}/g,
    MASK,
  ],
];

/** @param values secrets that are known, such as passwords of settings. */
export function redactor(values: readonly string[]): (text: string) => string {
  const known = values.filter((value) => value.length >= VALUE_CHARS_MIN);
  return (text) => {
    let clean = text;
    for (const value of known) clean = clean.replaceAll(value, MASK);
    for (const [form, mask] of FORMS) clean = clean.replace(form, mask);
    return clean;
  };
}
