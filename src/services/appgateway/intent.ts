/**
 * What gateways are told of users: settings, and references to sealed secrets that are opened only
 * in the copy that travels (docs/decisions/0014).
 */

import { type Sealer, secretPurpose } from "../../kernel/identity/sealer.ts";
import { SEALED_PREFIX, type SiteUserAudit } from "../../kernel/intent/site-user-audit.ts";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import type { Sql } from "../../kernel/store/database.ts";
import { settledUserAudit, usesPseudonyms } from "./domain.ts";
import { allUserAudits } from "./store.ts";

export const pseudonymPurpose = (accountId: string): string =>
  secretPurpose("pseudonym key", accountId);
export const jwtSecretPurpose = (siteId: string): string => secretPurpose("jwt secret", siteId);

const reference = (purpose: string, sealed: Buffer): string =>
  `${SEALED_PREFIX}${sealed.toString("base64")} ${purpose}`;

/** The user access audit of every site that has one, by site, its secrets sealed. */
export async function siteUserAudits(sql: Sql): Promise<ReadonlyMap<string, SiteUserAudit>> {
  const found = new Map<string, SiteUserAudit>();
  for (const row of await allUserAudits(sql)) {
    const settings = settledUserAudit(row.settings);
    if (settings.identitySource === "off") continue;
    const key = usesPseudonyms(settings) ? row.keySealed : null;
    const secret = settings.jwtVerification === "secret" ? row.jwtSecretSealed : null;
    found.set(row.siteId, {
      ...settings,
      pseudonymKey: key === null ? "" : reference(pseudonymPurpose(row.accountId), key),
      jwtSecret: secret === null ? "" : reference(jwtSecretPurpose(row.siteId), secret),
    });
  }
  return found;
}

type Document = Readonly<Record<string, unknown>>;

const OPENED_MAX = 10_000;

/** What was sealed; undefined when it will never open: sealed for something else, or changed. */
async function opening(sealer: Sealer, sealed: Buffer, purpose: string) {
  try {
    return await sealer.open(sealed, purpose);
  } catch (error) {
    if (error instanceof KeydError && error.reason === "ciphertextInvalid") return undefined;
    throw error;
  }
}

/**
 * Opens the secrets of user audits in a gateway's intent; what was opened is remembered. One that
 * will never open stays sealed, so that it does not hold up all sites: the gateway records no user
 * of its site, since a sealed key is none.
 */
export function userAuditOpener(sealer: Sealer): (document: Document) => Promise<Document> {
  const opened = new Map<string, string>();
  const open = async (text: unknown, isBase64: boolean): Promise<unknown> => {
    if (typeof text !== "string" || !text.startsWith(SEALED_PREFIX)) return text;
    const known = opened.get(text);
    if (known !== undefined) return known;
    const space = text.indexOf(" ");
    const sealed = Buffer.from(text.slice(SEALED_PREFIX.length, space), "base64");
    const bytes = await opening(sealer, sealed, text.slice(space + 1));
    if (bytes === undefined) return text;
    const clear = bytes.toString(isBase64 ? "base64" : "utf8");
    if (opened.size >= OPENED_MAX) opened.clear();
    opened.set(text, clear);
    return clear;
  };
  return async (document) => {
    if (!Array.isArray(document.sites)) return document;
    const sites: unknown[] = [];
    for (const site of document.sites as readonly Document[]) {
      const audit = site.userAudit;
      if (typeof audit !== "object" || audit === null) sites.push(site);
      else {
        const { pseudonymKey, jwtSecret } = audit as Record<string, unknown>;
        const clear = {
          pseudonymKey: await open(pseudonymKey, true),
          jwtSecret: await open(jwtSecret, false),
        };
        sites.push({ ...site, userAudit: { ...audit, ...clear } });
      }
    }
    return { ...document, sites };
  };
}
