/** Handlers of ACME providers, DNS providers and orders. */
import { X509Fault } from "../../engines/x509/fault.ts";
import { readPem } from "../../engines/x509/pem.ts";
import { newLeafKey } from "../../engines/x509/request.ts";
import { type Context, timeText } from "../../kernel/context.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Sql, violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { AcmeProvider, applyOperations, DnsProvider, Order } from "./apply-contract.ts";
import {
  type AcmeProviderRow,
  applyStore,
  type DnsProviderRow,
  type OrderRow,
} from "./apply-store.ts";
import { problemOfFault } from "./domain.ts";
import { loadCertificate } from "./inventory.ts";
import { type KeySealer, purposes, sealSecret } from "./sealing.ts";

type Operations = typeof applyOperations;

export type ApplyParts = {
  readonly sealer: KeySealer;
  readonly ownsDomain: (sql: Sql, accountId: string, domain: string) => Promise<boolean>;
};

const applyLimits = { providersMax: 50, openOrdersMax: 1_000 } as const;

const providerFields = ["acmeProviderId", "name", "directoryUrl", "profile"];
const dnsFields = ["dnsProviderId", "name", "kind", "target"];
const orderFields = [
  ...["orderId", "acmeProviderId", "names", "challenge", "state", "failures", "certificateId"],
  ...["autoRenew", "renewsId", "nextTime", "createTime"],
];

export function applyHandlers(parts: ApplyParts) {
  return {
    async listAcmeProviders(context: Context, input: InputOf<Operations["listAcmeProviders"]>) {
      const rows = await applyStore(context.sql).listProviders(context.accountId);
      const page = pageInMemory(rows.map(providerView), input, providerFields);
      return { acmeProviders: page.items, totalCount: page.totalCount };
    },
    createAcmeProvider: (context: Context, input: InputOf<Operations["createAcmeProvider"]>) =>
      createAcmeProvider(parts, context, input),
    async deleteAcmeProvider(
      { sql, accountId }: Context,
      { acmeProviderId }: InputOf<Operations["deleteAcmeProvider"]>,
    ) {
      const gone = await applyStore(sql).deleteProvider(accountId, acmeProviderId).catch(inUse);
      if (gone.length === 0) throw new Problem("certificates.providerNotFound");
      return {};
    },
    async listDnsProviders(context: Context, input: InputOf<Operations["listDnsProviders"]>) {
      const rows = await applyStore(context.sql).listDnsProviders(context.accountId);
      const page = pageInMemory(rows.map(dnsView), input, dnsFields);
      return { dnsProviders: page.items, totalCount: page.totalCount };
    },
    createDnsProvider: (context: Context, input: InputOf<Operations["createDnsProvider"]>) =>
      createDnsProvider(parts, context, input),
    async deleteDnsProvider(
      { sql, accountId }: Context,
      { dnsProviderId }: InputOf<Operations["deleteDnsProvider"]>,
    ) {
      const gone = await applyStore(sql).deleteDnsProvider(accountId, dnsProviderId).catch(inUse);
      if (gone.length === 0) throw new Problem("certificates.dnsProviderNotFound");
      return {};
    },
    async listOrders(context: Context, input: InputOf<Operations["listOrders"]>) {
      const rows = await applyStore(context.sql).listOrders(context.accountId);
      const page = pageInMemory(rows.map(orderView), input, orderFields);
      return { orders: page.items, totalCount: page.totalCount };
    },
    getOrder: async (context: Context, { orderId }: InputOf<Operations["getOrder"]>) =>
      orderView(await loadOrder(context, orderId)),
    createOrder: (context: Context, input: InputOf<Operations["createOrder"]>) =>
      createOrder(parts, context, input),
    retryOrder: (context: Context, { orderId }: InputOf<Operations["retryOrder"]>) =>
      changeOrder(context, orderId, { state: "waiting", failures: 0 }),
    cancelOrder: (context: Context, { orderId }: InputOf<Operations["cancelOrder"]>) =>
      changeOrder(context, orderId, { state: "canceled" }),
    async stopRenewal(context: Context, { certificateId }: InputOf<Operations["stopRenewal"]>) {
      await loadCertificate(context, certificateId);
      await applyStore(context.sql).stopRenewal(context.accountId, certificateId);
      return {};
    },
  };
}

/** A foreign key of PostgreSQL holds what orders were made with. */
function inUse(error: unknown): never {
  const code = error instanceof Error && "code" in error ? error.code : "";
  throw code === "23503" ? new Problem("certificates.providerInUse") : error;
}

function providerView(row: AcmeProviderRow): AcmeProvider {
  return {
    acmeProviderId: row.acmeProviderId,
    name: row.name,
    directoryUrl: row.directoryUrl,
    contacts: row.contacts,
    profile: row.profile,
    externalKeyId: row.externalKeyId,
    accountUrl: row.accountUrl ?? "",
    createTime: row.createTime,
  };
}

function dnsView({ settings, ...row }: DnsProviderRow): DnsProvider {
  const target = settings.url ?? `${settings.server} ${settings.zone}`;
  const { dnsProviderId, name, kind, createTime } = row;
  return { dnsProviderId, name, kind, target, createTime };
}

function orderView(row: OrderRow): Order {
  const { accountId: _, progress: __, keySealed: ___, requestDer: ____, ...shown } = row;
  return shown;
}

async function loadOrder({ sql, accountId }: Context, orderId: string): Promise<OrderRow> {
  const row = await applyStore(sql).getOrder(accountId, orderId);
  if (row === undefined) throw new Problem("certificates.orderNotFound");
  return row;
}

async function createAcmeProvider(
  { sealer }: ApplyParts,
  { sql, accountId, newId, nowMs }: Context,
  input: InputOf<Operations["createAcmeProvider"]>,
): Promise<AcmeProvider> {
  const store = applyStore(sql);
  if ((await store.listProviders(accountId)).length >= applyLimits.providersMax) {
    throw new Problem("certificates.limit");
  }
  try {
    readPem(input.trustPem ?? "");
  } catch (error) {
    throw error instanceof X509Fault ? problemOfFault(error, "/trustPem") : error;
  }
  const mac = input.externalHmacKey;
  const accountKey = await newLeafKey("EC-P-256");
  const seal = (purpose: Parameters<typeof sealSecret>[1]["purpose"], bytes: Buffer) =>
    sealSecret(sealer, { purpose, accountId }, bytes);
  const row: AcmeProviderRow = {
    accountId,
    acmeProviderId: newId("acme"),
    name: input.name,
    directoryUrl: input.directoryUrl,
    contacts: input.contacts ?? [],
    trustPem: input.trustPem ?? "",
    profile: input.profile ?? "",
    externalKeyId: input.externalKeyId ?? "",
    externalMacSealed:
      mac === undefined ? null : await seal(purposes.externalMac, Buffer.from(mac, "base64url")),
    accountKeySealed: await seal(purposes.accountKey, accountKey),
    accountUrl: null,
    createTime: timeText(nowMs),
  };
  accountKey.fill(0);
  await store.insertProvider(row).catch((error) => {
    throw violates(error, "acme_provider_name_unique")
      ? new Problem("certificates.providerExists")
      : error;
  });
  return providerView(row);
}

async function createDnsProvider(
  { sealer }: ApplyParts,
  { sql, accountId, newId, nowMs }: Context,
  input: InputOf<Operations["createDnsProvider"]>,
): Promise<DnsProvider> {
  const store = applyStore(sql);
  if ((await store.listDnsProviders(accountId)).length >= applyLimits.providersMax) {
    throw new Problem("certificates.limit");
  }
  const { server, zone, keyName, url } = input;
  const isWhole = input.kind === "webhook" ? url : server && zone && keyName;
  if (!isWhole) throw new Problem("certificates.dnsProviderIncomplete");
  const owner = { purpose: purposes.dnsSecret, accountId };
  const row: DnsProviderRow = {
    accountId,
    dnsProviderId: newId("dns"),
    name: input.name,
    kind: input.kind,
    settings: {
      ...(input.kind === "webhook" ? { url: url ?? "" } : {}),
      ...(input.kind === "rfc2136"
        ? { server: server ?? "", zone: zone ?? "", keyName: keyName ?? "" }
        : {}),
      propagationSeconds: input.propagationSeconds ?? 10,
    },
    secretSealed: await sealSecret(sealer, owner, Buffer.from(input.secret)),
    createTime: timeText(nowMs),
  };
  await store.insertDnsProvider(row).catch((error) => {
    throw violates(error, "dns_provider_name_unique")
      ? new Problem("certificates.dnsProviderExists")
      : error;
  });
  return dnsView(row);
}

async function createOrder(
  parts: ApplyParts,
  context: Context,
  input: InputOf<Operations["createOrder"]>,
): Promise<Order> {
  const { sql, accountId, nowMs } = context;
  const store = applyStore(sql);
  const provider = await store.getProvider(accountId, input.acmeProviderId);
  if (provider === undefined) throw new Problem("certificates.providerNotFound");
  await requireProvable(parts, context, input);
  const names = [...input.names].sort();
  const open = await store.countOpenOrders(accountId, names);
  if (open.same > 0) throw new Problem("certificates.orderExists");
  if (open.all >= applyLimits.openOrdersMax) throw new Problem("certificates.limit");
  const time = timeText(nowMs);
  const row: OrderRow = {
    accountId,
    orderId: context.newId("ord"),
    acmeProviderId: provider.acmeProviderId,
    names,
    challenge: input.challenge,
    dnsProviderId: input.dnsProviderId ?? null,
    keyAlgorithm: input.keyAlgorithm ?? "EC-P-256",
    profile: input.profile ?? provider.profile,
    autoRenew: input.autoRenew ?? true,
    state: "new",
    stateReason: "",
    progress: {},
    keySealed: null,
    requestDer: null,
    certificateId: null,
    renewsId: null,
    failures: 0,
    ...{ nextTime: time, createTime: time, updateTime: time },
  };
  await store.insertOrder(row);
  await context.emit({
    type: "certificates.orderCreated",
    message: `A certificate for ${names.join(", ")} was applied for at "${provider.name}"`,
    resource: row.orderId,
  });
  return orderView(row);
}

/** HTTP-01 for domains of own sites only; DNS-01 with a DNS provider of the account. */
async function requireProvable(
  { ownsDomain }: ApplyParts,
  { sql, accountId }: Context,
  input: InputOf<Operations["createOrder"]>,
): Promise<void> {
  const refuse = (path: string, message: string) =>
    new Problem("certificates.challengeImpossible", { details: [{ path, message }] });
  if (input.challenge === "dns-01") {
    if (input.dnsProviderId === undefined) {
      throw refuse("/dnsProviderId", "DNS-01 needs a DNS provider");
    }
    const provider = await applyStore(sql).getDnsProvider(accountId, input.dnsProviderId);
    if (provider === undefined) throw new Problem("certificates.dnsProviderNotFound");
    return;
  }
  for (const [at, name] of input.names.entries()) {
    if (name.startsWith("*.")) throw refuse(`/names/${at}`, `"${name}" needs DNS-01`);
    if (!(await ownsDomain(sql, accountId, name))) {
      throw refuse(`/names/${at}`, `"${name}" is no domain of a site of this account`);
    }
  }
}

async function changeOrder(
  context: Context,
  orderId: string,
  change: { readonly state: "waiting" | "canceled"; readonly failures?: number },
): Promise<Order> {
  const before = await loadOrder(context, orderId);
  if (before.state === "issued" || before.state === "canceled") {
    throw new Problem("certificates.orderFinished");
  }
  const time = timeText(context.nowMs);
  const after: OrderRow = { ...before, ...change, nextTime: time, updateTime: time };
  await applyStore(context.sql).saveOrder(after);
  if (change.state === "canceled") {
    await applyStore(context.sql).deleteAnswers(context.accountId, orderId);
    await context.intentChanged("gateway");
  }
  return orderView(after);
}
