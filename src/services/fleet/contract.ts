/** The data planes: which nodes there are, what they run and whether they keep up. */
import Type, { type Static } from "typebox";
import {
  CodedOrNull,
  contract,
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  Name,
  operation,
  Time,
} from "../../kernel/operation.ts";
import { fleetTexts } from "./texts.ts";

export const NodeId = idSchema("node");
export const Plane = Type.Enum(["gateway", "network"]);

export const Node = Type.Object({
  nodeId: NodeId,
  name: Name,
  plane: Plane,
  state: Type.Enum(["current", "behind", "failing", "silent"]),
  /** Version of the desired state it should run, and the one it runs. */
  wantedVersion: Type.Integer(),
  runningVersion: Type.Integer(),
  /** What it could not apply or cannot enforce here, in its own words. */
  messages: Type.Array(Type.String()),
  lastSeenTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
});
export type Node = Static<typeof Node>;

/** Something that needs the operator now. */
export const Alarm = Type.Object({
  /** What is in trouble: disk, audit, spool, or the name of a node. */
  part: Type.String(),
  message: Type.String(),
  messageCoded: CodedOrNull,
  fix: Type.String(),
  fixCoded: CodedOrNull,
});

export const fleetContract = contract({
  service: "fleet",
  title: "Fleet",
  summary: "Gateways and hosts that enforce what is decided here",
  resources: [
    {
      name: "node",
      idField: "nodeId",
      idPrefix: "node",
      titleField: "name",
      columns: ["name", "nodeId", "plane", "state", "runningVersion", "lastSeenTime"],
      list: "listNodes",
      get: "getNode",
      delete: "removeNode",
    },
  ],
  operations: {
    listNodes: operation({
      name: "fleet.listNodes",
      summary: "List data-plane nodes",
      method: "GET",
      path: "/nodes",
      action: "fleet:ListNodes",
      resource: "node/*",
      input: listInput({}),
      output: listOutput("nodes", Node),
      problems: ["account.operatorOnly"],
    }),
    getNode: operation({
      name: "fleet.getNode",
      summary: "Get one data-plane node",
      method: "GET",
      path: "/nodes/{nodeId}",
      action: "fleet:GetNode",
      resource: "node/{nodeId}",
      input: input({ nodeId: NodeId }),
      output: Node,
      problems: ["account.operatorOnly", "fleet.nodeNotFound"],
    }),
    getHealth: operation({
      name: "fleet.getHealth",
      summary: "Get what needs the operator now: full disks, and nodes with something to say",
      method: "GET",
      path: "/health",
      action: "fleet:GetHealth",
      resource: "node/*",
      input: input({}),
      output: Type.Object({ ok: Type.Boolean(), alarms: Type.Array(Alarm) }),
      problems: ["account.operatorOnly"],
    }),
    readMetrics: operation({
      name: "fleet.readMetrics",
      summary: "Read the metrics of this control plane and its nodes, as Prometheus does",
      method: "GET",
      path: "/metrics",
      action: "fleet:ReadMetrics",
      resource: "node/*",
      input: input({}),
      /** Text exposition format 0.0.4; `GET /metrics` answers it bare. */
      output: Type.Object({ text: Type.String() }),
      problems: ["account.operatorOnly"],
    }),
    createJoinToken: operation({
      name: "fleet.createJoinToken",
      summary: "Create a one-time token with which a new node joins",
      method: "POST",
      path: "/joinTokens",
      action: "fleet:CreateJoinToken",
      resource: "node/*",
      input: input({ name: Name, plane: Plane }),
      output: Type.Object({ token: Type.String(), expireTime: Time }),
      secretOutput: ["token"],
      problems: ["account.operatorOnly"],
    }),
    removeNode: operation({
      name: "fleet.removeNode",
      summary: "Remove a node; its certificate is refused from then on",
      method: "DELETE",
      path: "/nodes/{nodeId}",
      action: "fleet:RemoveNode",
      resource: "node/{nodeId}",
      input: input({ nodeId: NodeId }),
      output: Empty,
      problems: ["account.operatorOnly", "fleet.nodeNotFound"],
      dangerous: true,
    }),
  },
  problems: {
    "fleet.nodeNotFound": {
      code: 404,
      message: "There is no such node",
      fix: "List the nodes and take an id from there",
    },
  },
  texts: fleetTexts,
  events: ["fleet.nodeJoined", "fleet.nodeRemoved", "fleet.alarmRaised", "fleet.alarmEnded"],
});
