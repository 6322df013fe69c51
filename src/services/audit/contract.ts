/** The record: every call, provably unchanged. */
import Type, { type Static } from "typebox";
import { contract, input, listInput, listOutput, operation, Time } from "../../kernel/operation.ts";

const ENTRY_ID = "^(?:cp-[0-9a-z]{10}\\.)?[0-9]{1,15}$";

export const AuditEntry = Type.Object({
  /** The index in this control plane's log; of another one's, its name comes before it. */
  entryId: Type.String({ pattern: ENTRY_ID }),
  /** Position in the transparency log, from 0. */
  index: Type.Integer({ minimum: 0 }),
  time: Time,
  requestId: Type.String(),
  operation: Type.String(),
  action: Type.String(),
  resource: Type.String(),
  principalType: Type.String(),
  principalId: Type.String(),
  principalName: Type.String(),
  sourceIp: Type.String(),
  decision: Type.Enum(["allow", "deny", "none"]),
  determiningPolicyIds: Type.Array(Type.String()),
  /** Absent in entries of older versions, as are the next four. */
  decidedBy: Type.Optional(Type.String()),
  /** Tags of the resource that policies asked for, as they were; absent when none asked. */
  resourceTags: Type.Optional(Type.Record(Type.String(), Type.String())),
  /** Further decisions of the call, such as to show more to those who may. */
  also: Type.Optional(
    Type.Array(
      Type.Object({
        action: Type.String(),
        resource: Type.String(),
        decision: Type.Enum(["allow", "deny"]),
      }),
    ),
  ),
  mfaAgeSeconds: Type.Optional(Type.Integer()),
  assumedBy: Type.Optional(Type.String()),
  /** HTTP status code of the answer. */
  code: Type.Integer(),
  reason: Type.Union([Type.String(), Type.Null()]),
  /** The input with secret fields masked. */
  input: Type.Unknown(),
});
export type AuditEntry = Static<typeof AuditEntry>;

export const auditContract = contract({
  service: "audit",
  title: "Audit",
  summary: "Who did what, in a log that proves itself",
  resources: [
    {
      name: "entry",
      idField: "entryId",
      idPrefix: "",
      titleField: "requestId",
      columns: [
        "time",
        "principalName",
        "operation",
        "resource",
        "decision",
        "code",
        "sourceIp",
        "requestId",
      ],
      list: "listEntries",
      get: "getEntry",
    },
  ],
  operations: {
    listEntries: operation({
      name: "audit.listEntries",
      summary: "List audit entries, newest first",
      method: "GET",
      path: "/entries",
      action: "audit:ListEntries",
      resource: "entry/*",
      input: listInput({
        startTime: Type.Optional(Time),
        endTime: Type.Optional(Time),
        /** Only calls that changed something. */
        changesOnly: Type.Optional(Type.Boolean()),
      }),
      output: listOutput("entries", AuditEntry),
    }),
    getEntry: operation({
      name: "audit.getEntry",
      summary: "Get one audit entry with the proof that it is in the log",
      method: "GET",
      path: "/entries/{entryId}",
      action: "audit:GetEntry",
      resource: "entry/{entryId}",
      input: input({ entryId: Type.String({ pattern: ENTRY_ID }) }),
      output: Type.Object({
        entry: AuditEntry,
        proof: Type.Object({
          /** RFC 6962 leaf hash, base64. */
          leafHash: Type.String(),
          treeSize: Type.Integer(),
          rootHash: Type.String(),
          /** Inclusion path from leaf to root, base64. */
          hashes: Type.Array(Type.String()),
          /** The signed checkpoint (C2SP) the proof leads to. */
          checkpoint: Type.String(),
          /** The entry's bytes, base64, so that the leaf hash can be recomputed. */
          entryBytes: Type.String(),
        }),
      }),
      problems: ["audit.entryNotFound", "audit.entryElsewhere"],
    }),
    getCheckpoint: operation({
      name: "audit.getCheckpoint",
      summary: "Get the newest signed checkpoint of the log and the key that signs it",
      method: "GET",
      path: "/checkpoint",
      action: "audit:GetCheckpoint",
      resource: "checkpoint",
      input: input({}),
      output: Type.Object({
        checkpoint: Type.String(),
        treeSize: Type.Integer(),
        publicKey: Type.String(),
      }),
    }),
  },
  problems: {
    "audit.entryNotFound": {
      code: 404,
      message: "There is no such audit entry",
      fix: "List the entries and take an id from there",
    },
    "audit.entryElsewhere": {
      code: 409,
      message: "Another control plane keeps this entry in its log and can prove it",
      fix: "Ask the control plane that the entry's id begins with",
    },
  },
  events: ["audit.dangerousOperation"],
});
