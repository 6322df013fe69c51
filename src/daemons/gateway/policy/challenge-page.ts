/** The page that solves a challenge: self-contained, without a request to anybody else. */
import { hash } from "node:crypto";
import type { RequestHead } from "../../../engines/http1/request.ts";
import { escapeHtml } from "../../../engines/sitepolicy/block-page.ts";
import type { TextPair } from "../../../lib/coded-text.ts";
import { pageHtml, wordsFor } from "../pages.ts";
import { PASS_COOKIE } from "./challenge.ts";

/**
 * Runs in the browser. SHA-256 (FIPS 180-4) in script, since `crypto.subtle` is not there over
 * plain HTTP; a slice of work at a time, so that the page stays alive.
 */
const script = `"use strict";
(() => {
  const say = (id) => {
    for (const one of document.querySelectorAll("[data-say]")) one.hidden = one.dataset.say !== id;
  };
  const { token, bits, seconds, method } = document.querySelector("main").dataset;
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const fraction = (x) => ((x - Math.floor(x)) * 4294967296) | 0;
  const k = primes.map((p) => fraction(Math.cbrt(p)));
  const start = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
  const turn = (x, n) => (x >>> n) | (x << (32 - n));
  const w = new Int32Array(64);
  const firstWord = (text) => {
    const length = text.length;
    const blocks = ((length + 8) >> 6) + 1;
    const bytes = new Uint8Array(blocks * 64);
    for (let i = 0; i < length; i++) bytes[i] = text.charCodeAt(i);
    bytes[length] = 128;
    const view = new DataView(bytes.buffer);
    view.setUint32(blocks * 64 - 4, length * 8);
    const h = Int32Array.from(start);
    for (let b = 0; b < blocks; b++) {
      for (let i = 0; i < 16; i++) w[i] = view.getInt32(b * 64 + i * 4);
      for (let i = 16; i < 64; i++) {
        const s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
        const s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
      }
      let [a, c, d, e, f, g, m, n] = h;
      for (let i = 0; i < 64; i++) {
        const s1 = turn(f, 6) ^ turn(f, 11) ^ turn(f, 25);
        const t1 = (n + s1 + ((f & g) ^ (~f & m)) + k[i] + w[i]) | 0;
        const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
        const t2 = (s0 + ((a & c) ^ (a & d) ^ (c & d))) | 0;
        n = m; m = g; g = f; f = (e + t1) | 0; e = d; d = c; c = a; a = (t1 + t2) | 0;
      }
      [a, c, d, e, f, g, m, n].forEach((x, i) => { h[i] += x; });
    }
    return h[0];
  };
  let n = 0;
  const done = (pass) => {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = "${PASS_COOKIE}=" + pass + "; Path=/; SameSite=Lax; Max-Age=" + seconds + secure;
    if (!document.cookie.includes(pass)) say("cookies");
    else if (method === "GET") location.reload();
    else say("again");
  };
  const work = () => {
    for (const end = n + 4096; n < end; n++) {
      const pass = token + "." + n.toString(36);
      if (Math.clz32(firstWord(pass)) >= bits) return done(pass);
    }
    setTimeout(work);
  };
  say("working");
  setTimeout(work);
})();
`;

const scriptHash = hash("sha256", script, "base64");

/** What the page may load: nothing but its own script and style. */
export const challengeFields =
  `Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; ` +
  `script-src 'sha256-${scriptHash}'; base-uri 'none'; form-action 'none'; ` +
  `frame-ancestors 'none'\r\nX-Content-Type-Options: nosniff\r\n`;

/** What the page says, by what became of the calculation. */
const states = {
  working: [
    ["One moment", "请稍候"],
    [
      "Your browser is proving that it is one. The page opens by itself in a few seconds.",
      "正在确认您使用的是浏览器，几秒钟后自动打开页面。",
    ],
  ],
  cookies: [
    ["Cookies are needed", "需要 Cookie"],
    [
      "Your browser does not keep cookies for this site. Allow them, then load the page again.",
      "浏览器未保存本站的 Cookie。请允许后重新加载页面。",
    ],
  ],
  again: [
    ["Done", "已完成"],
    ["Go back and send your form once more.", "请返回并重新提交表单。"],
  ],
} as const satisfies Readonly<Record<string, readonly [heading: TextPair, text: TextPair]>>;

const withoutScript: readonly [heading: TextPair, text: TextPair] = [
  ["JavaScript is needed", "需要 JavaScript"],
  [
    "This site asks every browser for a small calculation. Turn JavaScript on for this site and " +
      "load the page again, or ask the site's operator to let your client pass.",
    "本站要求浏览器完成一次小计算。请为本站启用 JavaScript 后重新加载，或联系站点管理员放行。",
  ],
];

/** The page for a request with this head, as bytes in latin1. */
export function challengePage(
  { method, fields }: RequestHead,
  given: { token: string; bits: number; passSeconds: number; requestId: string },
): string {
  const { token, bits, passSeconds, requestId } = given;
  const words = wordsFor(fields);
  const { say } = words;
  const told = ([heading, text]: readonly [TextPair, TextPair]) =>
    `<h1>${say(heading)}</h1><p>${say(text)}</p>`;
  // Hidden until the script says which: without it the page must not promise to open by itself.
  const sections = Object.entries(states).map(([id, state]) => {
    const progress = id === "working" ? "<progress></progress>" : "";
    return `<section data-say="${id}" hidden>${told(state)}${progress}</section>`;
  });
  const data = `data-token="${escapeHtml(token)}" data-bits="${bits}" data-seconds="${passSeconds}"`;
  const main = `<main ${data} data-method="${escapeHtml(method)}" aria-live="polite">
${sections.join("")}<noscript>${told(withoutScript)}</noscript></main><script>${script}</script>`;
  return pageHtml(words, { title: say(states.working[0]), main, requestId });
}
