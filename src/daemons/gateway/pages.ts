/** Cordon's own answers: small, self-contained, without a version, as HTML or JSON by Accept. */

/** What the gateway says itself: a status, its phrase, one sentence and what to do. */
const answers: Readonly<Record<number, readonly [reason: string, text: string]>> = {
  200: ["OK", ""],
  308: ["Permanent Redirect", "This site is served over HTTPS."],
  400: ["Bad Request", "The request breaks the rules of HTTP and was not passed on."],
  403: ["Forbidden", "The request was blocked by the protection of this site."],
  404: ["Not Found", "No site of this name is served here."],
  405: ["Method Not Allowed", "This method is not served here."],
  408: ["Request Timeout", "The request took too long to arrive."],
  413: ["Content Too Large", "The request is larger than this site accepts."],
  414: ["URI Too Long", "The request line is longer than this site accepts."],
  421: ["Misdirected Request", "The requested site does not belong to this connection."],
  429: ["Too Many Requests", "There were too many requests from you. Wait a moment."],
  431: ["Request Header Fields Too Large", "The request header is larger than this site accepts."],
  500: ["Internal Server Error", "The request could not be handled."],
  501: ["Not Implemented", "The request uses a transfer coding that is not served here."],
  502: ["Bad Gateway", "The application behind this site does not answer. Try again in a moment."],
  503: ["Service Unavailable", "Too many connections at the moment. Try again later."],
  504: ["Gateway Timeout", "The application behind this site took too long to answer."],
  505: ["HTTP Version Not Supported", "This version of HTTP is not served here."],
};

/** The reason phrase of a status the gateway answers itself. */
export const reasonOf = (status: number): string => answers[status]?.[0] ?? "Error";

/** Body and media type of the gateway's own answer. */
export function ownPage(
  status: number,
  requestId: string,
  accept: string,
): { contentType: string; body: string } {
  const [reason, text] = answers[status] ?? ["Error", "The request could not be handled."];
  if (accept.includes("json") && !accept.includes("text/html")) {
    const body = JSON.stringify({ requestId, error: { code: status, message: text } });
    return { contentType: "application/json; charset=utf-8", body };
  }
  const body = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${status} ${reason}</title>
<meta name="viewport" content="width=device-width"><style>body{font:16px/1.5 system-ui,sans-serif;
max-width:34rem;margin:18vh auto;padding:0 1rem;color:#222}code{color:#666}</style>
<h1>${status} ${reason}</h1><p>${text}</p><p><code>Request ${requestId}</code></p></html>\n`;
  return { contentType: "text/html; charset=utf-8", body };
}
