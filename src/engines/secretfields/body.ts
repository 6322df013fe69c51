/**
 * A message body without its secrets, by its type. What cannot be told apart safely is not given
 * at all. Bytes are latin1 text, so that places are places of bytes.
 */
import { formSecrets } from "./form.ts";
import { jsonSecrets, looksLikeJson } from "./json.ts";
import type { IsSecret } from "./names.ts";
import { type Hidden, joined, masked } from "./ranges.ts";
import { xmlSecrets } from "./xml.ts";

type Kind = "form" | "json" | "xml" | "text" | "multipart";

/** The body with asterisks for secrets, and where they stand. */
export type ShownBody = { readonly text: string; readonly hidden: readonly Hidden[] };

/** Null: a type that is not known to be text, or a body that is not what its type says. */
export function bodyWithoutSecrets(
  body: string,
  contentType: string,
  isSecret: IsSecret,
): ShownBody | null {
  const kind = UNREADABLE.test(contentType) ? null : kindOf(contentType);
  if (kind === null) return null;
  const found =
    kind === "multipart"
      ? multipartSecrets(body, contentType, isSecret)
      : textSecrets(body, kind, isSecret);
  if (found === null) return null;
  const hidden = joined(found);
  return { text: masked(body, hidden), hidden };
}

/** Names of fields in these do not look like themselves. */
const UNREADABLE = /charset\s*=\s*"?(?:utf-?(?:7|16|32)|ucs|ibm|cp037|ebcdic|x-)/i;

function kindOf(contentType: string): Kind | null {
  const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  if (type === "application/x-www-form-urlencoded") return "form";
  if (type === "multipart/form-data") return "multipart";
  if (/^application\/(?:[\w.-]+\+)?(?:json|x-ndjson|json-seq)$/.test(type)) return "json";
  if (/^(?:application|text)\/(?:[\w.-]+\+)?xml$/.test(type)) return "xml";
  return type.startsWith("text/") ? "text" : null;
}

function textSecrets(
  text: string,
  kind: Exclude<Kind, "multipart">,
  isSecret: IsSecret,
): Hidden[] | null {
  // Binary, or text of two bytes a character.
  if (text.includes("\0")) return null;
  if (kind === "xml") return xmlSecrets(text, isSecret);
  const ofJson = kind === "json" || looksLikeJson(text) ? jsonSecrets(text, isSecret) : [];
  if (kind === "json") return ofJson;
  const ofXml = /^\s*</.test(text) ? xmlSecrets(text, isSecret) : [];
  return [...ofJson, ...ofXml, ...formSecrets(text, isSecret)];
}

const BOUNDARY = /;\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;,"]{1,200}))/i;

/** Null when the parts cannot be told apart. */
function multipartSecrets(body: string, contentType: string, isSecret: IsSecret): Hidden[] | null {
  const found = BOUNDARY.exec(contentType);
  const delimiter = `--${found?.[1] ?? found?.[2] ?? ""}`;
  let at = body.indexOf(delimiter);
  if (found === null || at < 0) return null;
  const hidden: Hidden[] = [{ start: 0, end: at }];
  while (at >= 0) {
    const start = at + delimiter.length;
    at = body.indexOf(delimiter, start);
    const end = at < 0 ? body.length : at;
    if (body.startsWith("--", start)) {
      // The end of all parts: what follows belongs to none.
      hidden.push({ start: start + 2, end: body.length });
      break;
    }
    hidden.push(...partSecrets(body, { start, end }, isSecret));
  }
  return hidden;
}

function partSecrets(
  body: string,
  { start, end }: { start: number; end: number },
  isSecret: IsSecret,
): Hidden[] {
  const part = body.slice(start, end);
  const blank = /\r?\n\r?\n/.exec(part);
  if (blank === null) return [{ start, end }];
  const header = part.slice(0, blank.index);
  const from = start + blank.index + blank[0].length;
  const lineEnd = /\r?\n$/.exec(part)?.[0].length ?? 0;
  const whole = { start: from, end: Math.max(from, end - lineEnd) };
  const names = [...header.matchAll(/[;\s]name\*?\s*=\s*(?:"([^"]*)"|([^;\s]*))/gi)];
  if (names.some(([, quoted, plain]) => isSecret(quoted ?? plain ?? ""))) return [whole];
  const type = /^content-type\s*:\s*([^\r\n]*)/im.exec(header)?.[1];
  const isFile = /;\s*filename/i.test(header);
  const kind = type === undefined ? (isFile ? null : "text") : kindOf(type);
  // Files that are no text, and parts within parts.
  if (kind === null || kind === "multipart") return [whole];
  const content = body.slice(whole.start, whole.end);
  const found = textSecrets(content, kind, isSecret);
  return found === null
    ? [whole]
    : found.map((one) => ({ ...one, start: one.start + from, end: one.end + from }));
}
