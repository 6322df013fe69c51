/** What this service tells of certificates by itself. */
import { type Texts, tellerOf } from "../../lib/coded-text.ts";

/** All of them, by code. */
export const certificateTexts = {
  "certificates.is.expiring": [
    'Certificate "{name}" for {names} is expiring',
    "证书“{name}”（{names}）即将过期",
  ],
  "certificates.is.expired": [
    'Certificate "{name}" for {names} is expired',
    "证书“{name}”（{names}）已过期",
  ],
  "certificates.is.revoked": [
    'Certificate "{name}" for {names} is revoked',
    "证书“{name}”（{names}）已被吊销",
  ],
  "certificates.issued": [
    "Certificate for {names} was issued by {issuer}",
    "{names} 的证书已由 {issuer} 签发",
  ],
  "certificates.orderDelayed": [
    "Order for {names}: {reason}",
    "{names} 的证书申请暂未成功：{reason}",
  ],
  "certificates.siteServed": [
    "Site {siteId}: its bound certificate is served",
    "站点 {siteId}：已使用绑定的证书",
  ],
  "certificates.siteDrifted": [
    "Site {siteId}: Connections to the gateway get another certificate",
    "站点 {siteId}：连接网关得到的是另一张证书",
  ],
  "certificates.siteUnverified": ["Site {siteId}: {fault}", "站点 {siteId}：{fault}"],
} as const satisfies Texts;
export const tell = tellerOf(certificateTexts);
