/** Chinese titles and fixes of compliance rules; the English ones come with the results. */

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
