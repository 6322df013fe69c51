/** Handlers of events. */

import type { LiveEvents } from "../../kernel/events/live.ts";
import { columnsOf, matchesOf } from "../../kernel/events/row.ts";
import { type Lake, LakeError } from "../../kernel/lake/client.ts";
import type { Filter } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Service, service } from "../../kernel/service.ts";
import { pageOf } from "../../kernel/store/page.ts";
import { type EventRow, eventsContract } from "./contract.ts";
import { fieldOf, intervalFor, limits, passes, rowView } from "./domain.ts";
import { explanationOf } from "./explain.ts";
import { type EventQuery, eventsStore } from "./store.ts";

export type EventsParts = {
  readonly lake: Lake;
  readonly live: LiveEvents;
  /** Phase of an installed rule; undefined when there is no such rule, or no rule set. */
  readonly phaseOf: (ruleId: number) => number | undefined;
};

const DAY_MS = 86_400_000;

/** The events service. */
export function eventsService({ lake, live, phaseOf }: EventsParts): Service {
  const store = eventsStore(lake);
  return service(eventsContract, {
    searchEvents: ({ accountId, nowMs }, input) =>
      fromLake(async () => {
        const query = queryOf(input, nowMs);
        const page = { ...pageOf(input), sorts: input.sorts ?? [] };
        const rows = await store.search(accountId, { ...query, ...page });
        const newest = await store.newestMs(accountId);
        return {
          events: rows.map(rowView),
          totalCount: await store.count(accountId, query),
          newestAgeSeconds: newest === undefined ? null : Math.max(0, (nowMs - newest) / 1000),
        };
      }),
    getEvent: ({ accountId }, { uid }) =>
      fromLake(async () => {
        const row = await store.get(accountId, uid);
        if (row === undefined) throw new Problem("events.eventNotFound");
        return { row: rowView(row), event: row.raw === "" ? null : JSON.parse(row.raw) };
      }),
    explainRequest: ({ accountId }, { id }) =>
      fromLake(async () => {
        const row = await store.request(accountId, id);
        if (row === undefined) throw new Problem("events.requestNotFound");
        return explanationOf(rowView(row), JSON.parse(row.raw), phaseOf);
      }),
    countEvents: ({ accountId, nowMs }, input) =>
      fromLake(async () => {
        const query = queryOf(input, nowMs);
        const intervalSeconds = input.intervalSeconds ?? intervalFor(query.startMs, query.endMs);
        refuseTooManyPoints(query, intervalSeconds);
        const groupBy =
          input.groupBy === undefined ? undefined : fieldOf(input.groupBy, "/groupBy");
        const rows = await store.histogram(accountId, { ...query, intervalSeconds, groupBy });
        return { intervalSeconds, series: seriesOf(rows) };
      }),
    topValues: ({ accountId, nowMs }, input) =>
      fromLake(async () => {
        const field = fieldOf(input.field, "/field");
        const valuesMax = input.valuesMax ?? limits.topDefault;
        const rows = await store.top(accountId, { ...queryOf(input, nowMs), field, valuesMax });
        return { values: rows.map(({ value, n }) => ({ value, count: Number(n) })) };
      }),
    async tailEvents({ accountId, signal }, input) {
      const filters = input.filters ?? [];
      for (const [at, filter] of filters.entries()) fieldOf(filter.name, `/filters/${at}/name`);
      return tail(live.watch(accountId, signal()), filters, input.text);
    },
    exportEvents: ({ accountId, nowMs }, input) =>
      fromLake(async () => {
        const limit = input.eventsMax ?? limits.exportDefault;
        const rows = await store.export(accountId, { ...queryOf(input, nowMs), limit });
        return each(rows.map(({ raw }): unknown => JSON.parse(raw)));
      }),
  });
}

async function fromLake<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LakeError)) throw error;
    throw new Problem("events.lakeUnavailable", { cause: error });
  }
}

function queryOf(
  input: { startTime?: string; endTime?: string; text?: string; filters?: Filter[] },
  nowMs: number,
): EventQuery {
  // One more second, so that what arrives while the page loads is inside.
  const endMs = input.endTime === undefined ? nowMs + 1_000 : Date.parse(input.endTime);
  const startMs = input.startTime === undefined ? endMs - DAY_MS : Date.parse(input.startTime);
  if (startMs >= endMs) {
    const message = "must be before the end time";
    throw new Problem("events.queryInvalid", { details: [{ path: "/startTime", message }] });
  }
  return { startMs, endMs, text: input.text, filters: input.filters ?? [] };
}

function refuseTooManyPoints({ startMs, endMs }: EventQuery, intervalSeconds: number): void {
  const points = (endMs - startMs) / 1000 / intervalSeconds;
  if (points <= limits.pointsMax) return;
  const message = `gives ${Math.ceil(points)} points; at most ${limits.pointsMax} are drawn`;
  throw new Problem("events.queryInvalid", { details: [{ path: "/intervalSeconds", message }] });
}

function seriesOf(rows: readonly { bucket: number; grp: string; n: number }[]) {
  const groups = new Map<string, { time: string; count: number }[]>();
  for (const { bucket, grp, n } of rows) {
    const points = groups.get(grp) ?? [];
    groups.set(grp, points);
    points.push({ time: new Date(Number(bucket) * 1000).toISOString(), count: Number(n) });
  }
  const total = (points: readonly { count: number }[]) =>
    points.reduce((sum, point) => sum + point.count, 0);
  return [...groups]
    .map(([group, points]) => ({ group, points }))
    .sort((left, right) => total(right.points) - total(left.points))
    .slice(0, limits.groupsMax);
}

type Tailed = { event: EventRow; matches: unknown[] };

async function* tail(
  events: AsyncIterable<Readonly<Record<string, unknown>> | undefined>,
  filters: readonly Filter[],
  text: string | undefined,
): AsyncGenerator<Tailed> {
  for await (const event of events) {
    const columns = event === undefined ? undefined : columnsOf(event);
    if (event === undefined || columns === undefined) {
      // A quiet period: the encoder sends a comment, so that proxies keep the connection.
      yield undefined as unknown as Tailed;
      continue;
    }
    const row = rowView(columns);
    if (passes(row, filters, text)) yield { event: row, matches: [...matchesOf(event)] };
  }
}

async function* each<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}
