/** Rules of delivery settings: defaults, and what does not go together. */

import { parsePrefix } from "../../engines/netpolicy/prefix.ts";
import { certificateFacts } from "../../engines/x509/certificate.ts";
import { readPem } from "../../engines/x509/pem.ts";
import {
  type ContentSettings,
  contentDefaults,
  type LeakSettings,
  leakDefaults,
  type PageSettings,
  type ProtocolSettings,
  pageDefaults,
  protocolDefaults,
  type TlsSettings,
  tlsDefaults,
  type UpstreamSettings,
  upstreamDefaults,
} from "../../kernel/intent/site-delivery.ts";
import { Problem } from "../../kernel/problem.ts";

/** The settings of a site by concern; each is kept whole. */
export type Concerns = {
  readonly upstreams: UpstreamSettings;
  readonly tls: TlsSettings;
  readonly protocols: ProtocolSettings;
  readonly content: ContentSettings;
  readonly leaks: LeakSettings;
  readonly pages: PageSettings;
};
export type Concern = keyof Concerns;

export const concernDefaults: Concerns = {
  upstreams: upstreamDefaults,
  tls: tlsDefaults,
  protocols: protocolDefaults,
  content: contentDefaults,
  leaks: leakDefaults,
  pages: pageDefaults,
};

/** The whole settings of a concern: what was given, and passed its schema, over the defaults. */
export function settled<Name extends Concern>(
  name: Name,
  given: Readonly<Record<string, unknown>>,
): Concerns[Name] {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...concernDefaults[name], ...Object.fromEntries(entries) };
}

type Detail = { path: string; message: string };

function refuse(details: readonly (Detail | false)[]): void {
  const found = details.filter((detail) => detail !== false);
  if (found.length > 0) throw new Problem("delivery.settingsInvalid", { details: found });
}

const detail = (wrong: boolean, path: string, message: string): Detail | false =>
  wrong && { path, message };

/**
 * Checks what the schema cannot say of upstream settings.
 *
 * @param upstreams the site's origins in canonical form.
 * @throws Problem delivery.settingsInvalid.
 */
export function checkUpstreams(settings: UpstreamSettings, upstreams: readonly string[]): void {
  const strange = settings.weights.filter(
    (text) => !upstreams.includes(text.slice(0, text.lastIndexOf("="))),
  );
  refuse([
    ...strange.map((text) => detail(true, "/weights", `"${text}" names no upstream of this site`)),
    certificatesFault("/authoritiesPem", settings.authoritiesPem),
    detail(
      settings.healthPath !== "" &&
        settings.healthTimeoutMs > settings.healthIntervalSeconds * 1_000,
      "/healthTimeoutMs",
      "a check must end before the next begins",
    ),
  ]);
}

/** @throws Problem delivery.settingsInvalid. */
export function checkTls(settings: TlsSettings): void {
  const { minimumVersion, maximumVersion, cipherPolicy } = settings;
  refuse([
    detail(
      minimumVersion > maximumVersion,
      "/maximumVersion",
      `${maximumVersion} is below the minimum ${minimumVersion}`,
    ),
    detail(
      cipherPolicy === "modern" && minimumVersion !== "TLSv1.3",
      "/cipherPolicy",
      "modern means TLS 1.3 only: set minimumVersion to TLSv1.3, or use intermediate",
    ),
    detail(
      settings.clientCertificates !== "off" && settings.clientAuthoritiesPem === "",
      "/clientAuthoritiesPem",
      "client certificates need the authorities that issue them",
    ),
    certificatesFault("/clientAuthoritiesPem", settings.clientAuthoritiesPem),
    detail(
      settings.hstsPreload &&
        (settings.hstsMaxAgeSeconds < 31_536_000 || !settings.hstsIncludeSubdomains),
      "/hstsPreload",
      "preloading wants a year (31536000 seconds) and sub-domains included",
    ),
  ]);
}

/** @throws Problem delivery.settingsInvalid. */
export function checkProtocols(settings: ProtocolSettings): void {
  const { httpPorts, httpsPorts, proxyProtocolFrom } = settings;
  refuse([
    ...proxyProtocolFrom.map((cidr) =>
      detail(parsePrefix(cidr) === undefined, "/proxyProtocolFrom", `"${cidr}" is no CIDR block`),
    ),
    ...httpPorts.map((port) =>
      detail(httpsPorts.includes(port), "/httpsPorts", `${port} is given for http already`),
    ),
  ]);
}

function certificatesFault(path: string, pem: string): Detail | false {
  if (pem === "") return false;
  try {
    const blocks = readPem(pem).filter(({ label }) => label === "CERTIFICATE");
    for (const { der } of blocks) certificateFacts(der);
    return detail(blocks.length === 0, path, "there is no CERTIFICATE block in it");
  } catch (error) {
    return { path, message: error instanceof Error ? error.message : "it cannot be read" };
  }
}

/** The id of a guarded page, and back. */
export const pageIdOf = (siteId: string, path: string): string =>
  `${siteId}.${Buffer.from(path, "utf8").toString("base64url")}`;

export function pageOfId(pageId: string): { siteId: string; path: string } {
  const [siteId = "", coded = ""] = pageId.split(".");
  return { siteId, path: Buffer.from(coded, "base64url").toString("utf8") };
}

/** Settings with these pages; what was approved of pages that stay, stays. */
export function withPages(
  before: PageSettings,
  { mode, paths }: Pick<PageSettings, "mode" | "paths">,
): PageSettings {
  const approvals = before.approvals.filter(({ path }) => paths.includes(path));
  return { mode, paths, approvals };
}

/** Settings with one page approved. */
export function withApproval(
  before: PageSettings,
  approval: { path: string; digest: string },
): PageSettings {
  const others = before.approvals.filter(({ path }) => path !== approval.path);
  return { ...before, approvals: [...others, approval] };
}
