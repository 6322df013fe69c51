/** The words between control plane and data planes, and where a node keeps its identity. */
import Type, { type Static } from "typebox";

/** How long an intent request is held open before it answers 204. */
export const LONG_POLL_MS = 25_000;
export const STATUS_BYTES_MAX = 1_048_576;

/** What a new node is given out of band: where to go, whom to trust, and a one-time token. */
export const JoinTicket = Type.Object({
  url: Type.String(),
  token: Type.String(),
  authorityPem: Type.String(),
});
export type JoinTicket = Static<typeof JoinTicket>;

export const JoinRequest = Type.Object(
  {
    token: Type.String({ maxLength: 200 }),
    requestPem: Type.String({ maxLength: 8_192 }),
  },
  { additionalProperties: false },
);
export type JoinRequest = Static<typeof JoinRequest>;

/** A node that is known by its certificate asks for the next one, over a new key. */
export const RenewRequest = Type.Object(
  { requestPem: Type.String({ maxLength: 8_192 }) },
  { additionalProperties: false },
);
export const RenewAnswer = Type.Object({ certificatePem: Type.String() });

export const JoinAnswer = Type.Object({ nodeId: Type.String(), certificatePem: Type.String() });
export type JoinAnswer = Static<typeof JoinAnswer>;

/** A node's identity as it is kept in its own folder, readable by its user only. */
export const NodeIdentity = Type.Object({
  nodeId: Type.String(),
  url: Type.String(),
  authorityPem: Type.String(),
  certificatePem: Type.String(),
  privateKeyPem: Type.String(),
});
export type NodeIdentity = Static<typeof NodeIdentity>;

export const joinTicketFile = "join-ticket.json";
export const nodeIdentityFile = "node.json";
