/** What the gateways are told of the delivery of sites. */
import type { SiteDelivery } from "../../kernel/intent/site-delivery.ts";
import type { Sql } from "../../kernel/store/database.ts";
import { settled } from "./domain.ts";
import { allDeliveries, type DeliveryRow } from "./store.ts";

type Identity = { certificatePem: string; privateKeyPem: string };

/** Chain and (sealed) key of a certificate of the inventory; undefined when it is gone. */
export type IdentityOf = (
  sql: Sql,
  accountId: string,
  certificateId: string,
) => Promise<Identity | undefined>;

/** A certificate that is gone: the gateway reports it, and goes on as before. */
const gone: Identity = { certificatePem: "", privateKeyPem: "" };

/** The delivery of every site that has settings of its own, by site. */
export async function siteDeliveries(
  sql: Sql,
  identityOf: IdentityOf,
): Promise<ReadonlyMap<string, SiteDelivery>> {
  const found = new Map<string, SiteDelivery>();
  for (const row of await allDeliveries(sql)) {
    const part = await partOf(sql, row, identityOf);
    found.set(row.siteId, { ...found.get(row.siteId), ...part });
  }
  return found;
}

async function partOf(
  sql: Sql,
  row: DeliveryRow & { accountId: string },
  identityOf: IdentityOf,
): Promise<SiteDelivery> {
  const { concern, settings, accountId, clientCertificateId } = row;
  if (concern === "tls") return { tls: settled("tls", settings) };
  if (concern === "protocols") return { protocol: settled("protocols", settings) };
  if (concern === "content") return { content: settled("content", settings) };
  if (concern === "leaks") return { leaks: settled("leaks", settings) };
  if (concern === "pages") return { pages: settled("pages", settings) };
  const upstream = settled("upstreams", settings);
  if (clientCertificateId === null) return { upstream };
  const identity = await identityOf(sql, accountId, clientCertificateId);
  return { upstream, upstreamIdentity: identity ?? gone };
}
