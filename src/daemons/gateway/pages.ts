/**
 * Cordon's own answers: small, self-contained, without a version; as HTML in the language of
 * `Accept-Language`, dark where the visitor's system is, or as JSON by `Accept`.
 */
import { STATUS_CODES } from "node:http";
import { type Fields, fieldValue } from "../../engines/http1/fields.ts";
import { acceptedLanguage, type Language, languages, type TextPair } from "../../lib/coded-text.ts";

type Answer = {
  /** As the status line has it (RFC 9110 §15), and in Chinese. */
  readonly reason: TextPair;
  /** One sentence, with what to do. */
  readonly text: TextPair;
};

const answer = (reason: TextPair, text: TextPair): Answer => ({ reason, text });

const unknown = answer(
  ["Error", "错误"],
  ["The request could not be handled.", "无法处理该请求。"],
);
const answers: Readonly<Record<number, Answer>> = {
  200: answer(["OK", "成功"], ["", ""]),
  308: answer(
    ["Permanent Redirect", "永久重定向"],
    ["This site is served over HTTPS.", "本站通过 HTTPS 提供服务。"],
  ),
  400: answer(
    ["Bad Request", "错误的请求"],
    [
      "The request breaks the rules of HTTP and was not passed on.",
      "请求不符合 HTTP 规则，未被转发。",
    ],
  ),
  403: answer(
    ["Forbidden", "禁止访问"],
    ["The request was blocked by the protection of this site.", "请求被本站的安全防护拦截。"],
  ),
  404: answer(
    ["Not Found", "未找到"],
    ["No site of this name is served here.", "此处没有这个名称的站点。"],
  ),
  405: answer(
    ["Method Not Allowed", "不允许的方法"],
    ["This method is not served here.", "此处不提供该请求方法。"],
  ),
  408: answer(
    ["Request Timeout", "请求超时"],
    ["The request took too long to arrive.", "请求发送的时间过长。"],
  ),
  413: answer(
    ["Content Too Large", "内容过大"],
    ["The request is larger than this site accepts.", "请求超出本站允许的大小。"],
  ),
  414: answer(
    ["URI Too Long", "URI 过长"],
    ["The request line is longer than this site accepts.", "请求行超出本站允许的长度。"],
  ),
  421: answer(
    ["Misdirected Request", "请求目标有误"],
    ["The requested site does not belong to this connection.", "所请求的站点不属于此连接。"],
  ),
  429: answer(
    ["Too Many Requests", "请求过多"],
    ["There were too many requests from you. Wait a moment.", "您的请求过于频繁，请稍候再试。"],
  ),
  431: answer(
    ["Request Header Fields Too Large", "请求头过大"],
    ["The request header is larger than this site accepts.", "请求头超出本站允许的大小。"],
  ),
  500: answer(["Internal Server Error", "服务器内部错误"], unknown.text),
  501: answer(
    ["Not Implemented", "未实现"],
    [
      "The request uses a transfer coding that is not served here.",
      "请求使用了此处不支持的传输编码。",
    ],
  ),
  502: answer(
    ["Bad Gateway", "网关错误"],
    [
      "The application behind this site does not answer. Try again in a moment.",
      "本站的后端应用没有响应，请稍后再试。",
    ],
  ),
  503: answer(
    ["Service Unavailable", "服务不可用"],
    ["Too many connections at the moment. Try again later.", "当前连接过多，请稍后再试。"],
  ),
  504: answer(
    ["Gateway Timeout", "网关超时"],
    ["The application behind this site took too long to answer.", "本站的后端应用响应时间过长。"],
  ),
  505: answer(
    ["HTTP Version Not Supported", "不支持的 HTTP 版本"],
    ["This version of HTTP is not served here.", "此处不支持该 HTTP 版本。"],
  ),
};

const REQUEST: TextPair = ["Request", "请求编号"];
const MISTAKE: TextPair = [
  "If this is a mistake, give the operator of the site this number.",
  "如属误拦，请将此编号告知站点管理员。",
];

/** The reason phrase of a status the gateway answers itself. */
export const reasonOf = (status: number): string =>
  answers[status]?.reason[0] ?? STATUS_CODES[status] ?? unknown.reason[0];

/** Whether the client asked for JSON and for no page. */
export function wantsJson(fields: Fields): boolean {
  const accept = fieldValue(fields, "accept") ?? "";
  return accept.includes("json") && !accept.includes("text/html");
}

/** The words of a pair that whoever sent these fields reads. */
export function wordsFor(fields: Fields): {
  readonly language: Language;
  readonly say: (pair: TextPair) => string;
} {
  const language = acceptedLanguage(fieldValue(fields, "accept-language") ?? "");
  const at = languages.indexOf(language);
  return { language, say: (pair) => pair[at] ?? pair[0] };
}

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;
margin:18vh auto;padding:0 1rem;color:#222;background:#fff}small{color:#666}code{display:block}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161a1d}small{color:#9aa5a8}}`;

/** A page of the gateway's own, as bytes in latin1; `main` is markup. */
export function pageHtml(
  { language, say }: ReturnType<typeof wordsFor>,
  page: { readonly title: string; readonly main: string; readonly requestId: string },
): string {
  const { title, main, requestId } = page;
  const html = `<!doctype html><html lang="${language}"><head><meta charset="utf-8">
<title>${title}</title><meta name="viewport" content="width=device-width"><style>${STYLE}</style>
</head><body>${main}<p><small>${say(REQUEST)} <code>${requestId}</code></small></p></body></html>
`;
  return language === "en" ? html : Buffer.from(html, "utf8").toString("latin1");
}

/** Body and media type of the gateway's own answer to a request with these fields. */
export function ownPage(
  status: number,
  requestId: string,
  fields: Fields,
): { contentType: string; body: string } {
  const { reason, text } = answers[status] ?? unknown;
  if (wantsJson(fields)) {
    const body = JSON.stringify({ requestId, error: { code: status, message: text[0] } });
    return { contentType: "application/json; charset=utf-8", body };
  }
  const words = wordsFor(fields);
  const { say } = words;
  const title = `${status} ${say(reason)}`;
  const more = status === 403 ? ` ${say(MISTAKE)}` : "";
  const main = `<h1>${title}</h1><p>${say(text)}${more}</p>`;
  return {
    contentType: "text/html; charset=utf-8",
    body: pageHtml(words, { title, main, requestId }),
  };
}
