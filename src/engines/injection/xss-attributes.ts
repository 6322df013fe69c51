/**
 * Which tags and attributes make a page run script. It judges names and values that the reader
 * in xss.ts has cut out, and knows nothing of where they stand.
 */
export const TAG_NAME_BYTES_MAX = 64;

export const ACTIVE_TAGS: ReadonlySet<string> = new Set(
  "script iframe frame frameset style applet vmlframe xml xss".split(" "),
);

/** Harmless when bare (and then often a type argument in code), active with attributes. */
export const ACTIVE_WITH_ATTRIBUTES: ReadonlySet<string> = new Set(
  "object embed svg math link meta base import isindex".split(" "),
);

const URL_ATTRIBUTES: ReadonlySet<string> = new Set(
  (
    "href src action formaction xlink:href data to from by values background poster " +
    "dynsrc lowsrc folder code codebase ping"
  ).split(" "),
);

const EVENT = /^on[a-z]{3,}$/;
const EVENT_STEMS =
  "abort after animation auxclick before begin blur can change click close context copy " +
  "cut dblclick drag drop end ended error focus fullscreen hash input invalid key load " +
  "message mouse page paste play pointer pop progress repeat reset resize scroll search " +
  "select show start submit toggle touch transition unhandled unload wheel";
const KNOWN_EVENT = new RegExp(`^on(?:${EVENT_STEMS.replaceAll(" ", "|")})`);
const CODE_SIGN = /[(`=\\&]/;
const ACTIVE_STYLE = /expression\s*\(|javascript:|behaviou?r\s*:|-moz-binding|@import/i;
const ENTITY = /&(?:#x0*([0-9a-f]{1,6})|#0*([0-9]{1,7})|(colon|tab|newline));?/gi;
const SCHEME = /^(?:javascript:|vbscript:|data:(?!image\/(?:png|gif|jpe?g|webp)[;,]))/;

function decoded(value: string): string {
  const text = value.replace(ENTITY, (_all, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return name.toLowerCase() === "colon" ? ":" : " ";
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code < 256 ? String.fromCharCode(code) : "?";
  });
  let kept = "";
  for (const char of text) if (char > " " && char !== "`") kept += char;
  return kept.toLowerCase();
}

/**
 * Whether the attribute runs script. `inTag` false: the name was found after a value that may
 * have ended early, so prose and code are likely and an event must be known and hold code.
 */
export function dangerousAttribute(rawName: string, content: string, inTag: boolean): boolean {
  if (rawName.length > TAG_NAME_BYTES_MAX) return false;
  const name = rawName
    .replaceAll("\0", "")
    .replace(/^["'`]+/, "")
    .toLowerCase();
  if (EVENT.test(name)) return inTag || (KNOWN_EVENT.test(name) && CODE_SIGN.test(content));
  if (URL_ATTRIBUTES.has(name)) {
    const target = decoded(content);
    if (name !== "values") return SCHEME.test(target);
    return target.split(";").some((part) => SCHEME.test(part));
  }
  if (name === "style") return ACTIVE_STYLE.test(decoded(content));
  if (name === "attributename") return decoded(content).startsWith("on");
  return inTag && (name === "srcdoc" || name === "xml:base" || name.startsWith("xmlns:"));
}
