/** A site behind a gateway worker with this machine's Core Rule Set, at paranoia level 1. */
import { createHash, X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GatewayEvent } from "../src/daemons/gateway/event.ts";
import { createInspectors } from "../src/daemons/gateway/inspector.ts";
import type { SiteIntent } from "../src/daemons/gateway/intent.ts";
import { intentOf, siteFor, startTestWorker } from "../src/daemons/gateway/test-kit.ts";
import type { WorkerOptions } from "../src/daemons/gateway/worker.ts";
import { beginTransaction, compileExclusions } from "../src/engines/seclang/engine.ts";
import { openAuthority } from "../src/kernel/pki/authority.ts";
import { loadRuleset, setupFileOf } from "../src/kernel/rules/load.ts";

const RULES = "/usr/share/modsecurity-crs/rules";
export const hasRules = existsSync(RULES);

const { of: inspectorOf } = createInspectors(
  { beginTransaction, compileExclusions },
  (rulesFolder) => loadRuleset({ rulesFolder, setupFile: setupFileOf(rulesFolder) }),
);

export type ProtectedSite = {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly events: readonly GatewayEvent[];
  /** What was refused, one line each: request, rule, variable, value. */
  refusals(): string[];
  change(changes: Partial<SiteIntent>): void;
  close(): Promise<void>;
};

/** Puts the gateway, in mode `block`, before an upstream. */
export async function protectSite(
  upstream: string,
  changes: Partial<SiteIntent> = {},
  options: Partial<WorkerOptions> = {},
): Promise<ProtectedSite> {
  const { worker, events } = await startTestWorker({ inspectorOf, ...options });
  const ruleset = { name: "crs", version: "", folder: RULES };
  const change = (more: Partial<SiteIntent>): void => {
    const site = siteFor([upstream], { mode: "block", ruleset: "crs", ...changes, ...more });
    worker.apply(intentOf([site], { rulesets: [ruleset] }));
  };
  change({});
  return {
    httpPort: worker.httpPort,
    httpsPort: worker.httpsPort,
    events,
    change,
    refusals: () => events.filter((event) => event.action_id === 2).map(refusalText),
    close: () => worker.close(50),
  };
}

function refusalText({ http_request: { http_method, url }, unmapped }: GatewayEvent): string {
  const { matches, reason } = unmapped.cordon;
  const found = matches.map(({ ruleId, variable, value }) => `${ruleId} ${variable}=${value}`);
  return `${http_method} ${url.path}?${url.query_string} ${reason}: ${found.join("; ")}`;
}

/** The versions of HTTP that clients spoke, as the events say. */
export const versionsOf = (events: readonly GatewayEvent[]): string[] => [
  ...new Set(events.map(({ http_request }) => http_request.version)),
];

export type Issued = {
  /** What a site serves with. */
  readonly served: Pick<SiteIntent, "certificatePem" | "privateKeyPem">;
  /** For clients that verify. */
  readonly authorityPem: string;
};

/** A certificate for the names, of an authority that is gone afterwards. */
export async function issueFor(names: readonly string[]): Promise<Issued> {
  const folder = mkdtempSync(join(tmpdir(), "cordon-authority-"));
  try {
    const authority = await openAuthority(folder, Date.now);
    const { certificatePem, privateKeyPem } = await authority.issueServer(names);
    const authorityPem = authority.certificatePem;
    return { served: { certificatePem, privateKeyPem }, authorityPem };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The flag by which Chromium trusts it: by the SHA-256 of its SubjectPublicKeyInfo. */
export function trustFlag({ served }: Issued): string {
  const { publicKey } = new X509Certificate(served.certificatePem);
  const spki = publicKey.export({ type: "spki", format: "der" });
  const name = createHash("sha256").update(spki).digest("base64");
  return `--ignore-certificate-errors-spki-list=${name}`;
}
