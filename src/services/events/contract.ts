/** What happened, in OCSF: search, live view, export. */
import Type, { type Static } from "typebox";
import {
  contract,
  Filter,
  input,
  limits,
  listInput,
  operation,
  Text,
  Time,
} from "../../kernel/operation.ts";

/** One event as the lists show it; `getEvent` has the whole of it. */
export const EventRow = Type.Object({
  uid: Type.String(),
  time: Time,
  /** OCSF class: 4002 HTTP Activity, 3002 Authentication, 6003 API Activity … */
  classUid: Type.Integer(),
  severityId: Type.Integer(),
  activity: Type.String(),
  /** Allowed, Blocked, Observed (would have been blocked) … */
  disposition: Type.String(),
  sourceIp: Type.String(),
  siteId: Type.String(),
  method: Type.String(),
  host: Type.String(),
  path: Type.String(),
  status: Type.Integer(),
  userAgent: Type.String(),
  userName: Type.String(),
  /** Fingerprint of the client's TLS hello; empty without one. */
  ja4: Type.String(),
  score: Type.Integer(),
  ruleIds: Type.Array(Type.Integer()),
  message: Type.String(),
});
export type EventRow = Static<typeof EventRow>;

/** Why a stored request was answered as it was. Values are bytes as latin1 text. */
export const RequestExplanation = Type.Object({
  uid: Type.String(),
  requestId: Type.String(),
  time: Time,
  siteId: Type.String(),
  mode: Type.String(),
  disposition: Type.String(),
  status: Type.Integer(),
  sourceIp: Type.String(),
  request: Type.String(),
  /** True when only the mode `observe` let it pass. */
  wouldBlock: Type.Boolean(),
  score: Type.Integer(),
  threshold: Type.Integer(),
  reason: Type.String(),
  matches: Type.Array(
    Type.Object({
      ruleId: Type.Integer(),
      /** Null when the rule is not installed any more. */
      phase: Type.Union([Type.Integer(), Type.Null()]),
      severity: Type.String(),
      /** What the Core Rule Set gives this severity by default. */
      points: Type.Integer(),
      message: Type.String(),
      variable: Type.String(),
      value: Type.String(),
      matched: Type.String(),
    }),
  ),
  /** What the site's policy decided, in order: lists, rules, limits, challenges. */
  decisions: Type.Array(
    Type.Object({
      kind: Type.String(),
      id: Type.String(),
      name: Type.String(),
      action: Type.String(),
      /** False: noted only, in mode observe or by a rule that logs. */
      enforced: Type.Boolean(),
      detail: Type.String(),
    }),
  ),
  /** The same in English, for a person to act on. */
  sentences: Type.Array(Type.String()),
});

/** Columns that can be filtered, counted and grouped by. */
export const EventField = Type.Enum([
  "classUid",
  "severityId",
  "activity",
  "disposition",
  "sourceIp",
  "siteId",
  "method",
  "host",
  "path",
  "status",
  "userAgent",
  "userName",
  "ja4",
  "score",
  "ruleIds",
  "message",
]);

const range = {
  startTime: Type.Optional(Time),
  endTime: Type.Optional(Time),
  /** Free text searched in the message, the path and the user agent. */
  text: Type.Optional(Type.String({ maxLength: 256 })),
};
const filters = {
  filters: Type.Optional(Type.Array(Filter, { maxItems: limits.filtersMax })),
};

export const eventsContract = contract({
  service: "events",
  title: "Events",
  summary: "What happened: search, live view and export",
  resources: [
    {
      name: "event",
      idField: "uid",
      idPrefix: "",
      titleField: "message",
      columns: [
        "time",
        "disposition",
        "sourceIp",
        "method",
        "host",
        "path",
        "status",
        "score",
        "message",
      ],
      list: "searchEvents",
      get: "getEvent",
    },
  ],
  operations: {
    searchEvents: operation({
      name: "events.searchEvents",
      summary: "Search events, newest first",
      method: "GET",
      path: "/events",
      action: "events:SearchEvents",
      resource: "event/*",
      input: listInput(range),
      output: Type.Object({
        events: Type.Array(EventRow),
        totalCount: Type.Integer(),
        /** Seconds between the newest event of this account and now; null without events. */
        newestAgeSeconds: Type.Union([Type.Number(), Type.Null()]),
      }),
      problems: ["events.queryInvalid", "events.lakeUnavailable"],
    }),
    getEvent: operation({
      name: "events.getEvent",
      summary: "Get one event whole, as it was recorded",
      method: "GET",
      path: "/events/{uid}",
      action: "events:GetEvent",
      resource: "event/{uid}",
      input: input({
        uid: Type.String({ minLength: 1, maxLength: 64, pattern: "^[A-Za-z0-9-]+$" }),
      }),
      output: Type.Object({ row: EventRow, event: Type.Unknown() }),
      problems: ["events.eventNotFound", "events.lakeUnavailable"],
    }),
    explainRequest: operation({
      name: "events.explainRequest",
      summary: "Show every rule that a stored request met, and what blocked it or would have",
      method: "GET",
      path: "/requests/{id}:explain",
      action: "events:GetEvent",
      resource: "event/{id}",
      input: input({
        /** The event's uid, or the request id that the gateway's answer showed. */
        id: Type.String({ minLength: 1, maxLength: 64, pattern: "^[A-Za-z0-9-]+$" }),
      }),
      output: RequestExplanation,
      problems: ["events.requestNotFound", "events.lakeUnavailable"],
    }),
    countEvents: operation({
      name: "events.countEvents",
      summary: "Count events over time, in all or by a field",
      method: "GET",
      path: "/counts",
      action: "events:SearchEvents",
      resource: "event/*",
      input: input({
        ...range,
        ...filters,
        intervalSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 604_800 })),
        groupBy: Type.Optional(EventField),
      }),
      output: Type.Object({
        intervalSeconds: Type.Integer(),
        series: Type.Array(
          Type.Object({
            group: Type.String(),
            points: Type.Array(Type.Object({ time: Time, count: Type.Integer() })),
          }),
        ),
      }),
      problems: ["events.queryInvalid", "events.lakeUnavailable"],
    }),
    topValues: operation({
      name: "events.topValues",
      summary: "List the most frequent values of a field",
      method: "GET",
      path: "/top",
      action: "events:SearchEvents",
      resource: "event/*",
      input: input({
        ...range,
        ...filters,
        field: EventField,
        valuesMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
      }),
      output: Type.Object({
        values: Type.Array(Type.Object({ value: Type.String(), count: Type.Integer() })),
      }),
      problems: ["events.queryInvalid", "events.lakeUnavailable"],
    }),
    tailEvents: operation({
      name: "events.tailEvents",
      summary: "Follow events as they arrive",
      method: "GET",
      path: "/events:tail",
      action: "events:SearchEvents",
      resource: "event/*",
      input: input({
        ...filters,
        text: Type.Optional(Text),
      }),
      output: Type.Object({
        event: EventRow,
        /** The rules it met, for the reason shown beside it. */
        matches: Type.Array(Type.Unknown()),
      }),
      stream: "serverSentEvents",
      problems: ["events.queryInvalid"],
    }),
    exportEvents: operation({
      name: "events.exportEvents",
      summary: "Export the events of a search, one JSON document a line",
      method: "GET",
      path: "/events:export",
      action: "events:ExportEvents",
      resource: "event/*",
      input: input({
        ...range,
        ...filters,
        eventsMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
      }),
      output: Type.Unknown(),
      stream: "lines",
      problems: ["events.queryInvalid", "events.lakeUnavailable"],
    }),
  },
  problems: {
    "events.eventNotFound": {
      code: 404,
      message: "There is no such event",
      fix: "It may be older than the lake keeps; search with a wider time range",
    },
    "events.requestNotFound": {
      code: 404,
      message: "There is no stored request with this id",
      fix: "Take X-Request-Id of the answer or a uid of events event search; details stay 30 days",
    },
    "events.queryInvalid": {
      code: 400,
      message: "The search cannot be run",
      fix: "Mend what the details name; listActions and the reference show the fields",
    },
    "events.lakeUnavailable": {
      code: 503,
      message: "The event lake does not answer now",
      fix: "Try again in some seconds; ./cordon status shows the lake's state. Nothing is lost",
    },
  },
  events: [],
});
