/** What can be seen of this process from outside: metrics, traces, health and readiness. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { AuditSink } from "../kernel/audit.ts";
import { createCallTelemetry } from "../kernel/http/call-telemetry.ts";
import {
  createReadiness,
  type HealthParts,
  loopbackHealth,
  type ReadyCheck,
} from "../kernel/http/health-paths.ts";
import { listenPlain } from "../kernel/http/mount.ts";
import type { Job, JobRun } from "../kernel/jobs.ts";
import type { Database } from "../kernel/store/database.ts";
import type { Metrics, Sample } from "../kernel/telemetry/metrics.ts";
import { metricsBody, postOtlp, tracesBody } from "../kernel/telemetry/otlp.ts";
import { prometheusText } from "../kernel/telemetry/prometheus.ts";
import { createSpanBuffer, type SpanBuffer } from "../kernel/telemetry/traces.ts";
import { nodeCounts } from "../services/fleet/service.ts";
import { type Foundations, machineAlarms } from "./foundations.ts";
import { clock, config, VERSION } from "./settings.ts";

/** Between two looks into database and lake, however often somebody scrapes. */
const KEEP_MS = 10_000;
const METRICS_EVERY_MS = 15_000;
const TRACES_EVERY_MS = 2_000;
const SPANS_AT_ONCE = 1_000;

/** The metrics of this process, and what exports them. */
export function createTelemetry(foundations: Foundations) {
  const { metrics } = foundations;
  const spans = config.otlp === undefined ? undefined : createSpanBuffer();
  const calls = createCallTelemetry(metrics, spans);
  const appends = metrics.counter("cordon_audit_appends_total", "Audit entries by outcome");
  const appendSeconds = metrics.histogram("cordon_audit_append_seconds", "Until it is on disk");
  const runs = metrics.counter("cordon_job_runs_total", "Turns of jobs by outcome");
  const runSeconds = metrics.histogram("cordon_job_duration_seconds", "Time of a job's turn");
  observeProcess(metrics);
  observeRecords(metrics, foundations);
  observeNodes(metrics, foundations.database);
  observeQueues(metrics, foundations.database);
  return {
    calls,
    metricsText: async () => prometheusText(await metrics.collect()),
    ranJob({ name, outcome, seconds }: JobRun) {
      runs.add({ job: name, outcome });
      runSeconds.observe({ job: name }, seconds);
    },
    /** The same sink, with what it does counted. */
    countedAudit: <Sink extends AuditSink>(sink: Sink): Sink => ({
      ...sink,
      async append(record) {
        const beganMs = performance.now();
        let outcome = "refused";
        try {
          await sink.append(record);
          outcome = "durable";
        } finally {
          appends.add({ outcome });
          appendSeconds.observe({}, (performance.now() - beganMs) / 1000);
        }
      },
    }),
    jobs: exportJobs(foundations, spans),
  };
}

function observeProcess(metrics: Metrics): void {
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.observed("gauge", { name, help }, () => [{ labels: {}, value: read() }]);
  const startSeconds = performance.timeOrigin / 1000;
  gauge("process_start_time_seconds", "When this process started", () => startSeconds);
  gauge("process_resident_memory_bytes", "Memory of this process", process.memoryUsage.rss);
  metrics.observed("counter", { name: "process_cpu_seconds_total", help: "CPU time used" }, () => {
    const { user, system } = process.cpuUsage();
    return [{ labels: {}, value: (user + system) / 1e6 }];
  });
}

function observeRecords(metrics: Metrics, { auditLog, spool, lake }: Foundations): void {
  const gauge = (name: string, help: string, read: () => Promise<Sample[]> | Sample[]) =>
    metrics.observed("gauge", { name, help }, read);
  const one = (value: number): Sample[] => [{ labels: {}, value }];
  gauge("cordon_audit_entries", "Entries of this control plane's audit log", () =>
    one(auditLog.size()),
  );
  gauge("cordon_spool_pending_records", "Events not yet synced to the server's spool", () =>
    one(spool.stats().pendingRecords),
  );
  gauge("cordon_spool_bytes", "Events on disk that the lake has not taken, by source", spoolBytes);
  metrics.observed(
    "counter",
    { name: "cordon_spool_refused_records_total", help: "Events the server's spool refused" },
    () => one(spool.stats().refusedRecords),
  );
  const rows = kept(async () => {
    const [row] = await lake.query<{ count: string }>("select count() as count from event");
    return one(Number(row?.count ?? 0));
  });
  gauge("cordon_lake_rows", "Events in the lake", rows);
}

/** Segments are deleted when every reader is through with them: what is there is the lag. */
function spoolBytes(): Sample[] {
  if (!existsSync(config.folders.spool)) return [];
  return readdirSync(config.folders.spool, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name: source }) => {
      const folder = join(config.folders.spool, source);
      const sizes = readdirSync(folder).map((file) => sizeOf(join(folder, file)));
      return { labels: { source }, value: sizes.reduce((sum, size) => sum + size, 0) };
    });
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

function observeNodes(metrics: Metrics, database: Database): void {
  const nodes = kept(() => nodeCounts(database));
  const version = { name: "cordon_node_intent_version", help: "Intent that a node runs" };
  metrics.observed("gauge", version, async () =>
    (await nodes()).map(({ name: node, plane, runningVersion: value }) => ({
      ...{ labels: { node, plane }, value },
    })),
  );
  const counts = [
    ["requests", "cordon_gateway_requests_total", "Requests of a gateway worker"],
    ["blocked", "cordon_gateway_blocked_total", "Requests that rules or lists refused"],
    ["upstreamFailures", "cordon_gateway_upstream_failures_total", "Requests no upstream answered"],
    ["eventsLost", "cordon_gateway_events_lost_total", "Events that could not be kept"],
    ["connectionsRefused", "cordon_gateway_connections_refused_total", "Connections over a limit"],
  ] as const;
  for (const [field, name, help] of counts) {
    metrics.observed("counter", { name, help }, async () =>
      (await nodes()).flatMap(({ name: node, workers }) =>
        workers.map((worker, at) => ({
          labels: { node, worker: String(at) },
          value: Number(worker[field] ?? 0),
        })),
      ),
    );
  }
}

function observeQueues(metrics: Metrics, database: Database): void {
  const look = kept(() =>
    database.transaction("system", async (sql) => ({
      intents: await sql<{ plane: string; value: number }>`
        select plane, version as value from intent`,
      outbox: await sql<{ value: number }>`select count(*) as value from outbox`,
      deliveries: await sql<{ state: string; value: number }>`
        select state, count(*) as value from notify_delivery group by state`,
    })),
  );
  const gauge = (name: string, help: string, read: () => Promise<Sample[]>) =>
    metrics.observed("gauge", { name, help }, read);
  gauge("cordon_intent_version", "Newest intent of a plane", async () =>
    (await look()).intents.map(({ plane, value }) => ({ labels: { plane }, value })),
  );
  gauge("cordon_outbox_events", "Events that wait to leave the database", async () =>
    (await look()).outbox.map(({ value }) => ({ labels: {}, value })),
  );
  gauge("cordon_notify_deliveries", "Notifications by state", async () =>
    (await look()).deliveries.map(({ state, value }) => ({ labels: { state }, value })),
  );
}

/** The last answer for a while, so that scraping is no load. A failure is not kept. */
function kept<Answer>(read: () => Promise<Answer>): () => Promise<Answer> {
  let last: { readonly atMs: number; readonly answer: Promise<Answer> } | undefined;
  return () => {
    if (last === undefined || performance.now() - last.atMs > KEEP_MS) {
      const answer = read();
      last = { atMs: performance.now(), answer };
      answer.catch(() => {
        last = undefined;
      });
    }
    return last.answer;
  };
}

function exportJobs({ metrics, instance }: Foundations, spans: SpanBuffer | undefined): Job[] {
  const { otlp } = config;
  if (otlp === undefined || spans === undefined) return [];
  const resource = { instance, version: VERSION };
  const startMs = Math.round(performance.timeOrigin);
  const target = () => ({ url: otlp.url, headers: headersOf(otlp.headersFile) });
  return [
    {
      name: "exportMetrics",
      everyMs: METRICS_EVERY_MS,
      everywhere: true,
      run: async () => {
        const given = { resource, startMs, nowMs: clock() };
        await postOtlp(target(), "/v1/metrics", metricsBody(await metrics.collect(), given));
      },
    },
    {
      name: "exportTraces",
      everyMs: TRACES_EVERY_MS,
      everywhere: true,
      run: async () => {
        const taken = spans.take(SPANS_AT_ONCE);
        if (taken.length > 0) await postOtlp(target(), "/v1/traces", tracesBody(taken, resource));
      },
    },
  ];
}

/** Lines of `name: value`, such as a collector's key; read each time, so that it may change. */
function headersOf(file: string | undefined): Record<string, string> {
  if (file === undefined) return {};
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.includes(":"));
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}

/** Health of this process, and what it needs before calls are sent to it. */
export function healthOf(foundations: Foundations): HealthParts {
  const { database, auditLog, keyd, lake } = foundations;
  const checks: ReadyCheck[] = [
    {
      part: "database",
      needed: true,
      check: () =>
        database.transaction("system", async (sql) => {
          const [row] = await sql<{ replica: boolean }>`select pg_is_in_recovery() as replica`;
          return row?.replica === false;
        }),
    },
    { part: "audit", needed: true, check: async () => auditLog.failure() === undefined },
    { part: "keyd", needed: true, check: async () => (await keyd.health()) !== undefined },
    { part: "lake", needed: false, check: () => lake.ping() },
  ];
  return { alarms: () => machineAlarms(foundations), readiness: createReadiness(checks) };
}

/** Health and metrics for programs of this machine, without a credential. */
export function listenLoopback(health: HealthParts, metricsText: () => Promise<string>) {
  const at = { host: "127.0.0.1", port: config.metricsPort ?? 0 };
  return listenPlain([loopbackHealth(health, metricsText)], at);
}
