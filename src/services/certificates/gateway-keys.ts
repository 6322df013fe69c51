/**
 * Bound certificates for the gateways' intent. The stored intent names the sealed key; it is
 * opened only in the copy that goes to the gateways over mutual TLS, so that no private key of the
 * inventory lies in the database.
 */
import type { Sql } from "../../kernel/store/database.ts";
import { isBeyondOpening, type KeySealer, openPrivateKey, privateKeyPem } from "./sealing.ts";
import { certificateStore, certificateSystemStore } from "./store.ts";

const PREFIX = "sealed:";
const OPENED_MAX = 20_000;

/** The certificate that is bound to a site, its key still sealed; undefined when there is none. */
export async function boundCertificate(sql: Sql, siteId: string) {
  const row = await certificateSystemStore(sql).boundCertificate(siteId);
  if (row === undefined || row.keySealed === null) return undefined;
  return sealedPair(row.accountId, { ...row, keySealed: row.keySealed });
}

/** A certificate of the inventory for the gateways, its key still sealed; undefined without key. */
export async function keyedCertificate(sql: Sql, accountId: string, certificateId: string) {
  const row = await certificateStore(sql).get(accountId, certificateId);
  if (row === undefined || row.keySealed === null) return undefined;
  return sealedPair(accountId, { ...row, keySealed: row.keySealed });
}

type KeyedRow = {
  readonly keyFingerprint: string;
  readonly fullChainPem: string;
  readonly keySealed: Buffer;
};

function sealedPair(accountId: string, row: KeyedRow) {
  const reference = [accountId, row.keyFingerprint, row.keySealed.toString("base64")].join(" ");
  return { certificatePem: row.fullChainPem, privateKeyPem: `${PREFIX}${reference}` };
}

type Document = Readonly<Record<string, unknown>>;

/** Opens the sealed keys of a gateway's intent; what was opened once is remembered. */
export function keyOpener(sealer: KeySealer): (document: Document) => Promise<Document> {
  const opened = new Map<string, string>();
  const open = async (text: string): Promise<string> => {
    const known = opened.get(text);
    if (known !== undefined) return known;
    const [accountId = "", keyFingerprint = "", base64 = ""] = text.slice(PREFIX.length).split(" ");
    const keySealed = Buffer.from(base64, "base64");
    const pkcs8 = await openPrivateKey(sealer, accountId, { keySealed, keyFingerprint });
    const pem = privateKeyPem(pkcs8);
    pkcs8.fill(0);
    if (opened.size >= OPENED_MAX) opened.clear();
    opened.set(text, pem);
    return pem;
  };
  return async (document) => {
    const sites = Array.isArray(document.sites) ? document.sites : [];
    const clear: unknown[] = [];
    for (const site of sites) clear.push(await withKeys(site, open));
    return { ...document, ...(sites.length === 0 ? {} : { sites: clear }) };
  };
}

/** A site with its own key opened, and the one that it shows to upstreams. */
async function withKeys(site: unknown, open: (text: string) => Promise<string>) {
  const opened = await withKey(site, open);
  if (typeof opened !== "object" || opened === null || !("delivery" in opened)) return opened;
  const { delivery } = opened;
  if (typeof delivery !== "object" || delivery === null) return opened;
  if (!("upstreamIdentity" in delivery)) return opened;
  const upstreamIdentity = await withKey(delivery.upstreamIdentity, open);
  return { ...opened, delivery: { ...delivery, upstreamIdentity } };
}

async function withKey(site: unknown, open: (text: string) => Promise<string>): Promise<unknown> {
  if (typeof site !== "object" || site === null || !("privateKeyPem" in site)) return site;
  const { privateKeyPem: text } = site;
  if (typeof text !== "string" || !text.startsWith(PREFIX)) return site;
  try {
    return { ...site, privateKeyPem: await open(text) };
  } catch (error) {
    // One broken key must not hold up all sites: the gateway reports this one as a fault, and
    // goes on with what it served before.
    if (isBeyondOpening(error)) return site;
    throw error;
  }
}
