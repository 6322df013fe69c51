/** How sites are delivered: upstreams, TLS and protocols, as an operator sets them. */
import Type, { type Static } from "typebox";
import {
  ContentSettings,
  LeakSettings,
  ProtocolSettings,
  TlsSettings,
  UpstreamSettings,
} from "../../kernel/intent/site-delivery.ts";
import {
  contract,
  idSchema,
  input,
  listInput,
  listOutput,
  operation,
  Time,
} from "../../kernel/operation.ts";
import { pageOperations, pageProblems, pageResource } from "./page-contract.ts";

export type { GuardedPage } from "./page-contract.ts";

const SiteId = idSchema("site");
const siteInput = input({ siteId: SiteId });

const clientCertificateId = Type.Union([idSchema("cert"), Type.Null()], {
  description: "Certificate of the inventory, with key, that the gateway shows to https upstreams",
});

/** Settings of a site that was never set are the defaults; `updateTime` is null then. */
const stored = { siteId: SiteId, updateTime: Type.Union([Time, Type.Null()]) };

export const Upstreams = Type.Object({
  ...stored,
  ...UpstreamSettings.properties,
  clientCertificateId,
});
export const Tls = Type.Object({ ...stored, ...TlsSettings.properties });
export const Protocols = Type.Object({ ...stored, ...ProtocolSettings.properties });

export const Content = Type.Object({ ...stored, ...ContentSettings.properties });
export const Leaks = Type.Object({ ...stored, ...LeakSettings.properties });

/** An upstream as one gateway sees it. */
export const UpstreamState = Type.Object({
  upstreamStateId: Type.String(),
  siteId: SiteId,
  upstream: Type.String(),
  gateway: Type.String(),
  state: Type.Enum(["up", "down", "ejected", "drained"]),
  stateReason: Type.String(),
  weight: Type.Integer(),
  connections: Type.Integer(),
  failures: Type.Integer(),
});
export type UpstreamState = Static<typeof UpstreamState>;

const getShape = { method: "GET", resource: "site/{siteId}", input: siteInput } as const;
const setShape = { method: "PUT", resource: "site/{siteId}" } as const;

export const deliveryContract = contract({
  service: "delivery",
  title: "Application delivery",
  summary: "Upstreams, TLS, protocols, bodies and guarded pages of sites",
  resources: [
    {
      name: "upstreamState",
      idField: "upstreamStateId",
      idPrefix: "",
      titleField: "upstream",
      columns: ["upstream", "siteId", "gateway", "state", "stateReason", "weight", "connections"],
      list: "listUpstreamStates",
    },
    pageResource,
  ],
  operations: {
    getUpstreams: operation({
      ...getShape,
      name: "delivery.getUpstreams",
      summary: "Get how requests are shared out among a site's upstreams",
      path: "/sites/{siteId}/upstreams",
      action: "delivery:GetUpstreams",
      output: Upstreams,
      problems: ["delivery.siteNotFound"],
    }),
    setUpstreams: operation({
      ...setShape,
      name: "delivery.setUpstreams",
      summary: "Set weights, health checks, limits and TLS of a site's upstreams",
      path: "/sites/{siteId}/upstreams",
      action: "delivery:SetUpstreams",
      input: input({
        siteId: SiteId,
        ...Type.Partial(UpstreamSettings).properties,
        clientCertificateId: Type.Optional(clientCertificateId),
      }),
      output: Upstreams,
      problems: ["delivery.siteNotFound", "delivery.settingsInvalid"],
    }),
    getTls: operation({
      ...getShape,
      name: "delivery.getTls",
      summary: "Get how clients speak TLS with a site",
      path: "/sites/{siteId}/tls",
      action: "delivery:GetTls",
      output: Tls,
      problems: ["delivery.siteNotFound"],
    }),
    setTls: operation({
      ...setShape,
      name: "delivery.setTls",
      summary: "Set TLS versions, ciphers, HSTS and client certificates of a site",
      path: "/sites/{siteId}/tls",
      action: "delivery:SetTls",
      input: input({ siteId: SiteId, ...Type.Partial(TlsSettings).properties }),
      output: Tls,
      problems: ["delivery.siteNotFound", "delivery.settingsInvalid"],
    }),
    getProtocols: operation({
      ...getShape,
      name: "delivery.getProtocols",
      summary: "Get which protocols and ports a site is served with",
      path: "/sites/{siteId}/protocols",
      action: "delivery:GetProtocols",
      output: Protocols,
      problems: ["delivery.siteNotFound"],
    }),
    setProtocols: operation({
      ...setShape,
      name: "delivery.setProtocols",
      summary: "Set HTTP/2, PROXY protocol, Forwarded and extra ports of a site",
      path: "/sites/{siteId}/protocols",
      action: "delivery:SetProtocols",
      input: input({ siteId: SiteId, ...Type.Partial(ProtocolSettings).properties }),
      output: Protocols,
      problems: [
        "delivery.siteNotFound",
        "delivery.settingsInvalid",
        "delivery.listenersOperatorOnly",
      ],
    }),
    getContent: operation({
      ...getShape,
      name: "delivery.getContent",
      summary: "Get limits of bodies and WebSocket frames of a site",
      path: "/sites/{siteId}/content",
      action: "delivery:GetContent",
      output: Content,
      problems: ["delivery.siteNotFound"],
    }),
    setContent: operation({
      ...setShape,
      name: "delivery.setContent",
      summary: "Set decoding and limits of bodies and WebSocket frames of a site",
      path: "/sites/{siteId}/content",
      action: "delivery:SetContent",
      input: input({ siteId: SiteId, ...Type.Partial(ContentSettings).properties }),
      output: Content,
      problems: ["delivery.siteNotFound"],
    }),
    getLeaks: operation({
      ...getShape,
      name: "delivery.getLeaks",
      summary: "Get what is masked in responses of a site",
      path: "/sites/{siteId}/leaks",
      action: "delivery:GetLeaks",
      output: Leaks,
      problems: ["delivery.siteNotFound"],
    }),
    setLeaks: operation({
      ...setShape,
      name: "delivery.setLeaks",
      summary: "Set what is masked in responses of a site",
      path: "/sites/{siteId}/leaks",
      action: "delivery:SetLeaks",
      input: input({ siteId: SiteId, ...Type.Partial(LeakSettings).properties }),
      output: Leaks,
      problems: ["delivery.siteNotFound"],
    }),
    ...pageOperations,
    listUpstreamStates: operation({
      name: "delivery.listUpstreamStates",
      summary: "List the upstreams of all sites as each gateway sees them",
      method: "GET",
      path: "/upstreamStates",
      action: "delivery:ListUpstreamStates",
      resource: "site/*",
      input: listInput({ siteId: Type.Optional(SiteId) }),
      output: listOutput("upstreamStates", UpstreamState),
    }),
  },
  problems: {
    ...pageProblems,
    "delivery.siteNotFound": {
      code: 404,
      message: "There is no such site",
      fix: "List the sites and take an id from there",
    },
    "delivery.settingsInvalid": {
      code: 400,
      message: "These settings cannot be used together, or one of them cannot be read",
      fix: "See the details; each names the field and what it needs",
    },
    "delivery.listenersOperatorOnly": {
      code: 403,
      message: "Ports and PROXY senders are set by the operator's account only",
      fix: "Ask the operator of this installation, or leave these fields out",
    },
  },
  events: [
    "delivery.upstreamsSet",
    "delivery.tlsSet",
    "delivery.protocolsSet",
    "delivery.contentSet",
    "delivery.leaksSet",
    "delivery.pagesSet",
    "delivery.pageApproved",
  ],
});
