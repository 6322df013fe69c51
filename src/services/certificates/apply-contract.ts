/** Operations of applying for certificates: ACME providers, DNS providers, orders. */
import Type, { type Static } from "typebox";
import {
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  Name,
  operation,
  Time,
} from "../../kernel/operation.ts";

export const AcmeProviderId = idSchema("acme");
export const DnsProviderId = idSchema("dns");
export const OrderId = idSchema("ord");
const CertificateId = idSchema("cert");

const Url = Type.String({ maxLength: 500, pattern: "^https?://[^\\s]+$" });
const Host = Type.String({ maxLength: 260, pattern: "^[A-Za-z0-9.:_-]+$" });
const DnsName = Type.String({
  maxLength: 253,
  pattern:
    "^(?:\\*\\.)?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$",
});

export const AcmeProvider = Type.Object({
  acmeProviderId: AcmeProviderId,
  name: Name,
  directoryUrl: Url,
  contacts: Type.Array(Type.String()),
  profile: Type.String(),
  externalKeyId: Type.String(),
  /** Empty until the first order registers the account. */
  accountUrl: Type.String(),
  createTime: Time,
});
export type AcmeProvider = Static<typeof AcmeProvider>;

export const DnsProvider = Type.Object({
  dnsProviderId: DnsProviderId,
  name: Name,
  kind: Type.Enum(["rfc2136", "webhook"]),
  target: Type.String(),
  createTime: Time,
});
export type DnsProvider = Static<typeof DnsProvider>;

export const Order = Type.Object({
  orderId: OrderId,
  acmeProviderId: AcmeProviderId,
  names: Type.Array(Type.String()),
  challenge: Type.Enum(["http-01", "dns-01"]),
  dnsProviderId: Type.Union([DnsProviderId, Type.Null()]),
  keyAlgorithm: Type.String(),
  profile: Type.String(),
  autoRenew: Type.Boolean(),
  /** `waiting`: the last try failed, the next is at `nextTime`. */
  state: Type.Enum(["new", "proving", "finalizing", "waiting", "issued", "failed", "canceled"]),
  stateReason: Type.String(),
  failures: Type.Integer(),
  certificateId: Type.Union([CertificateId, Type.Null()]),
  renewsId: Type.Union([CertificateId, Type.Null()]),
  nextTime: Time,
  createTime: Time,
  updateTime: Time,
});
export type Order = Static<typeof Order>;

const orderInput = input({ orderId: OrderId });

export const applyOperations = {
  listAcmeProviders: operation({
    name: "certificates.listAcmeProviders",
    summary: "List ACME providers",
    method: "GET",
    path: "/acmeProviders",
    action: "certificates:ListAcmeProviders",
    resource: "acmeProvider/*",
    input: listInput({}),
    output: listOutput("acmeProviders", AcmeProvider),
  }),
  createAcmeProvider: operation({
    name: "certificates.createAcmeProvider",
    summary: "Add an ACME provider to apply at; its account key is made here and sealed",
    method: "POST",
    path: "/acmeProviders",
    action: "certificates:CreateAcmeProvider",
    resource: "acmeProvider/*",
    input: input({
      name: Name,
      directoryUrl: Url,
      contacts: Type.Optional(
        Type.Array(Type.String({ maxLength: 254, pattern: "^[^\\s,?@]+@[^\\s,?@]+$" }), {
          maxItems: 5,
        }),
      ),
      /** Roots to trust for this provider, when it has a private authority. */
      trustPem: Type.Optional(Type.String({ maxLength: 65_536 })),
      profile: Type.Optional(Type.String({ maxLength: 64, pattern: "^[A-Za-z0-9_-]*$" })),
      externalKeyId: Type.Optional(Type.String({ maxLength: 256 })),
      externalHmacKey: Type.Optional(
        Type.String({ minLength: 16, maxLength: 512, pattern: "^[A-Za-z0-9_-]+={0,2}$" }),
      ),
    }),
    output: AcmeProvider,
    problems: [
      "certificates.providerExists",
      "certificates.limit",
      "certificates.keydUnavailable",
      "certificates.pemInvalid",
    ],
    secretInput: ["externalHmacKey"],
  }),
  deleteAcmeProvider: operation({
    name: "certificates.deleteAcmeProvider",
    summary: "Delete an ACME provider with its account key",
    method: "DELETE",
    path: "/acmeProviders/{acmeProviderId}",
    action: "certificates:DeleteAcmeProvider",
    resource: "acmeProvider/{acmeProviderId}",
    input: input({ acmeProviderId: AcmeProviderId }),
    output: Empty,
    problems: ["certificates.providerNotFound", "certificates.providerInUse"],
    dangerous: true,
  }),
  listDnsProviders: operation({
    name: "certificates.listDnsProviders",
    summary: "List DNS providers for DNS-01",
    method: "GET",
    path: "/dnsProviders",
    action: "certificates:ListDnsProviders",
    resource: "dnsProvider/*",
    input: listInput({}),
    output: listOutput("dnsProviders", DnsProvider),
  }),
  createDnsProvider: operation({
    name: "certificates.createDnsProvider",
    summary: "Add a DNS server that takes updates (RFC 2136), or a webhook",
    method: "POST",
    path: "/dnsProviders",
    action: "certificates:CreateDnsProvider",
    resource: "dnsProvider/*",
    input: input({
      name: Name,
      kind: Type.Enum(["rfc2136", "webhook"]),
      /** rfc2136: address and port of the primary, such as 192.0.2.53:53. */
      server: Type.Optional(Host),
      zone: Type.Optional(DnsName),
      /** Name of the TSIG key; its algorithm is HMAC-SHA-256. */
      keyName: Type.Optional(Host),
      /** webhook: gets `{action, name, value, ttlSeconds}` with the secret as bearer token. */
      url: Type.Optional(Url),
      /** TSIG key in base64, or the webhook's token. */
      secret: Type.String({ minLength: 8, maxLength: 1_024, pattern: "^[!-~]+$" }),
      /** Wait between the update and asking the provider to look. */
      propagationSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 600 })),
    }),
    output: DnsProvider,
    problems: [
      "certificates.dnsProviderExists",
      "certificates.dnsProviderIncomplete",
      "certificates.limit",
      "certificates.keydUnavailable",
    ],
    secretInput: ["secret"],
  }),
  deleteDnsProvider: operation({
    name: "certificates.deleteDnsProvider",
    summary: "Delete a DNS provider with its secret",
    method: "DELETE",
    path: "/dnsProviders/{dnsProviderId}",
    action: "certificates:DeleteDnsProvider",
    resource: "dnsProvider/{dnsProviderId}",
    input: input({ dnsProviderId: DnsProviderId }),
    output: Empty,
    problems: ["certificates.dnsProviderNotFound", "certificates.providerInUse"],
    dangerous: true,
  }),
  listOrders: operation({
    name: "certificates.listOrders",
    summary: "List orders, newest first",
    method: "GET",
    path: "/orders",
    action: "certificates:ListOrders",
    resource: "order/*",
    input: listInput({}),
    output: listOutput("orders", Order),
  }),
  getOrder: operation({
    name: "certificates.getOrder",
    summary: "Get one order",
    method: "GET",
    path: "/orders/{orderId}",
    action: "certificates:ListOrders",
    resource: "order/{orderId}",
    input: orderInput,
    output: Order,
    problems: ["certificates.orderNotFound"],
  }),
  createOrder: operation({
    name: "certificates.createOrder",
    summary: "Apply for a certificate at an ACME provider",
    method: "POST",
    path: "/orders",
    action: "certificates:CreateOrder",
    resource: "order/*",
    input: input({
      acmeProviderId: AcmeProviderId,
      names: Type.Array(DnsName, { minItems: 1, maxItems: 100, uniqueItems: true }),
      challenge: Type.Enum(["http-01", "dns-01"]),
      dnsProviderId: Type.Optional(DnsProviderId),
      keyAlgorithm: Type.Optional(Type.Enum(["EC-P-256", "EC-P-384", "RSA-2048", "RSA-3072"])),
      profile: Type.Optional(Type.String({ maxLength: 64, pattern: "^[A-Za-z0-9_-]*$" })),
      autoRenew: Type.Optional(Type.Boolean()),
    }),
    output: Order,
    problems: [
      "certificates.providerNotFound",
      "certificates.dnsProviderNotFound",
      "certificates.orderExists",
      "certificates.challengeImpossible",
      "certificates.limit",
    ],
  }),
  retryOrder: operation({
    name: "certificates.retryOrder",
    summary: "Try a waiting or failed order again now",
    method: "POST",
    path: "/orders/{orderId}:retry",
    action: "certificates:CreateOrder",
    resource: "order/{orderId}",
    input: orderInput,
    output: Order,
    problems: ["certificates.orderNotFound", "certificates.orderFinished"],
    limits: { perMinute: 20 },
  }),
  cancelOrder: operation({
    name: "certificates.cancelOrder",
    summary: "Give up an order that is not issued",
    method: "POST",
    path: "/orders/{orderId}:cancel",
    action: "certificates:CancelOrder",
    resource: "order/{orderId}",
    input: orderInput,
    output: Order,
    problems: ["certificates.orderNotFound", "certificates.orderFinished"],
  }),
  stopRenewal: operation({
    name: "certificates.stopRenewal",
    summary: "End the automatic renewal of a certificate",
    method: "POST",
    path: "/certificates/{certificateId}:stopRenewal",
    action: "certificates:UpdateCertificate",
    resource: "certificate/{certificateId}",
    input: input({ certificateId: CertificateId }),
    output: Empty,
    problems: ["certificates.certificateNotFound"],
  }),
} as const;

export const applyResources = [
  {
    name: "order",
    idField: "orderId",
    idPrefix: "ord",
    titleField: "names",
    columns: ["names", "state", "stateReason", "challenge", "failures", "nextTime", "createTime"],
    list: "listOrders",
    get: "getOrder",
    create: "createOrder",
  },
  {
    name: "acmeProvider",
    idField: "acmeProviderId",
    idPrefix: "acme",
    titleField: "name",
    columns: ["name", "directoryUrl", "contacts", "accountUrl", "createTime"],
    list: "listAcmeProviders",
    create: "createAcmeProvider",
    delete: "deleteAcmeProvider",
  },
  {
    name: "dnsProvider",
    idField: "dnsProviderId",
    idPrefix: "dns",
    titleField: "name",
    columns: ["name", "kind", "target", "createTime"],
    list: "listDnsProviders",
    create: "createDnsProvider",
    delete: "deleteDnsProvider",
  },
] as const;

export const applyProblems = {
  "certificates.providerNotFound": {
    code: 404,
    message: "There is no such ACME provider",
    fix: "List the ACME providers and take an id from there",
  },
  "certificates.providerExists": {
    code: 409,
    message: "An ACME provider of this name exists",
    fix: "Choose another name, or use the one that is there",
  },
  "certificates.providerInUse": {
    code: 409,
    message: "Orders were made with it, so it cannot be deleted",
    fix: "Keep it; end the renewal of its certificates if no more are wanted",
  },
  "certificates.dnsProviderNotFound": {
    code: 404,
    message: "There is no such DNS provider",
    fix: "List the DNS providers and take an id from there",
  },
  "certificates.dnsProviderExists": {
    code: 409,
    message: "A DNS provider of this name exists",
    fix: "Choose another name, or use the one that is there",
  },
  "certificates.dnsProviderIncomplete": {
    code: 400,
    message: "The DNS provider lacks a setting of its kind",
    fix: "rfc2136 needs server, zone and keyName; webhook needs url",
  },
  "certificates.orderNotFound": {
    code: 404,
    message: "There is no such order",
    fix: "List the orders and take an id from there",
  },
  "certificates.orderExists": {
    code: 409,
    message: "An order for these names is under way",
    fix: "Wait for it, retry it now, or cancel it",
  },
  "certificates.orderFinished": {
    code: 409,
    message: "The order is finished",
    fix: "Make a new order",
  },
  "certificates.challengeImpossible": {
    code: 409,
    message: "The names cannot be proved in this way",
    fix: "HTTP-01 needs each name to be a domain of a site of this account; wildcards need DNS-01",
  },
} as const;
