/** Compliance rules and what was seen in Chinese; the English comes with the results. */

/** Title and fix by rule. */
export const complianceChinese: Readonly<Record<string, readonly [title: string, fix: string]>> = {
  httpsRedirect: ["HTTP 跳转到 HTTPS", "把 80 端口的所有请求重定向到 https://"],
  certificate: [
    "证书受信任、与域名相符且未临近到期",
    "为站点绑定公共证书颁发机构签发的证书，并启用自动续期",
  ],
  tls10: ["拒绝 TLS 1.0", "拒绝 TLS 1.2 以下的版本（RFC 8996）"],
  tls11: ["拒绝 TLS 1.1", "拒绝 TLS 1.2 以下的版本（RFC 8996）"],
  tls13: ["接受 TLS 1.3", "允许 TLS 1.3"],
  hsts: [
    "Strict-Transport-Security 至少半年",
    "发送 Strict-Transport-Security: max-age=31536000; includeSubDomains",
  ],
  contentSecurityPolicy: [
    "内容安全策略不允许内联脚本",
    "由应用发送该策略；可先使用 Content-Security-Policy-Report-Only",
  ],
  contentTypeOptions: [
    "X-Content-Type-Options 为 nosniff",
    "由应用发送 X-Content-Type-Options: nosniff",
  ],
  framing: [
    "其他站点不能以框架嵌入页面",
    "发送 Content-Security-Policy: frame-ancestors 'self' 或 X-Frame-Options: SAMEORIGIN",
  ],
  referrerPolicy: [
    "Referrer-Policy 不向其他站点透露地址",
    "由应用发送 Referrer-Policy: strict-origin-when-cross-origin",
  ],
  banner: [
    "响应头不透露服务器版本",
    "关闭版本显示：nginx server_tokens off，Apache ServerTokens Prod，PHP expose_php Off",
  ],
  cookies: [
    "Cookie 带有 Secure、HttpOnly 和 SameSite",
    "由应用为 Cookie 设置 Secure; HttpOnly; SameSite=Lax",
  ],
  trace: ["拒绝 TRACE", "为站点添加自定义规则：方法 TRACE，动作拦截；或在服务器中关闭"],
  methods: [
    "首页不提供写入方法（依据 OPTIONS 的回答，不实际尝试）",
    "关闭未使用的 PUT、DELETE 和 PATCH，或用自定义规则拦截",
  ],
  crossOrigin: [
    "其他站点的页面不能带访问者 Cookie 读取响应",
    "列出允许的来源，不要照抄请求中的 Origin",
  ],
  unknownMethod: [
    "拒绝不存在的方法（RFC 9110 §9.1）",
    "未知方法回答 501，已知但不允许的方法回答 405",
  ],
  notFound: [
    "不存在的路径回答 404，且不含堆栈信息",
    "未知路径回答 404 或 410；站点的防泄露功能可遮盖堆栈信息",
  ],
  head: ["HEAD 与 GET 回答一致且无正文（RFC 9110 §9.3.2）", "让应用对 HEAD 与 GET 作相同回答"],
  contentType: [
    "有内容的响应说明类型和字符集（RFC 9110 §8.3）",
    "发送 Content-Type，文本须带 charset=utf-8",
  ],
  singleFields: [
    "只能出现一次的响应头只出现一次（RFC 9110 §5.3）",
    "这些响应头只由应用或服务器之一设置",
  ],
  directoryListing: [
    "目录不列出文件",
    "关闭目录列表：nginx autoindex off，Apache Options -Indexes",
  ],
};

/** What was seen, by its English text; what stands in braces was seen and is told as it is. */
export const evidenceChinese: Readonly<Record<string, string>> = {
  "no answer": "没有响应",
  "HTTPS was not reached": "无法通过 HTTPS 访问",
  "port 80 does not answer": "80 端口没有响应",
  "it is not sent": "未发送",
  "{field} is not sent": "未发送 {field}",
  "neither field says so": "两个响应头都没有这样规定",
  "TLS {version} is accepted": "接受 TLS {version}",
  "TLS {version} is refused": "拒绝 TLS {version}",
  "{subject}: trusted, {days} days left": "{subject}：受信任，剩余 {days} 天",
  "{subject}: {fault}, {days} days left": "{subject}：{fault}，剩余 {days} 天",
  "none does": "没有响应头透露版本",
  "every cookie of the page, or there is none": "页面的所有 Cookie 都带有，或页面没有 Cookie",
  "{cookie} lacks {attributes}": "{cookie} 缺少 {attributes}",
  "it was answered with {status}": "响应状态为 {status}",
  "status {status}, and no methods are named": "状态 {status}，未列出方法",
  "no other origin is allowed": "不允许其他来源",
  "allowed: {origin}": "允许：{origin}",
  "status {status}": "状态 {status}",
  "there was no content": "没有内容",
  "each is": "均只出现一次",
  "{paths}: listed": "{paths}：列出文件",
  "{paths}: not listed": "{paths}：未列出文件",
};

const patterns = Object.entries(evidenceChinese).map(([english, chinese]) => {
  const escaped = english.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  return { seen: new RegExp(`^${escaped.replace(/\{(\w+)\}/g, "(?<$1>.+)")}$`), chinese };
});

/** What was seen in Chinese; what a site sent itself stays as it is. */
export function evidenceInChinese(evidence: string): string {
  // Several cookies stand in one text.
  const parts = evidence.split("; ").map((part) => {
    const found = patterns.find(({ seen }) => seen.test(part));
    const values = found?.seen.exec(part)?.groups ?? {};
    return found?.chinese.replace(/\{(\w+)\}/g, (place, name: string) => values[name] ?? place);
  });
  return parts.every((part) => part !== undefined) ? parts.join("；") : evidence;
}
