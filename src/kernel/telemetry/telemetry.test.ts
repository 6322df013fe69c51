import { expect, test } from "vitest";
import { createReadiness } from "../http/health-paths.ts";
import { createMetrics, limits } from "./metrics.ts";
import { metricsBody, tracesBody } from "./otlp.ts";
import { prometheusText } from "./prometheus.ts";
import { createSpanBuffer, limits as spanLimits } from "./traces.ts";

test("metrics are text that Prometheus reads: buckets add up, label values cannot break a line", async () => {
  const metrics = createMetrics();
  metrics.counter("a_total", "A\ncount").add({ name: 'x"\n} b_total 7 \\' });
  const seconds = metrics.histogram("b_seconds", "B", [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 9]) seconds.observe({}, value);
  expect(prometheusText(await metrics.collect())).toBe(
    [
      "# HELP a_total A\\ncount",
      "# TYPE a_total counter",
      'a_total{name="x\\"\\n} b_total 7 \\\\"} 1',
      "# HELP b_seconds B",
      "# TYPE b_seconds histogram",
      'b_seconds_bucket{le="0.1"} 2',
      'b_seconds_bucket{le="1"} 3',
      'b_seconds_bucket{le="+Inf"} 4',
      "b_seconds_sum 9.65",
      "b_seconds_count 4",
      "",
    ].join("\n"),
  );
});

test("a family takes a bounded number of series, and one that cannot be read hides no other", async () => {
  const metrics = createMetrics();
  const counter = metrics.counter("a_total", "A");
  for (let at = 0; at < limits.seriesMax + 10; at += 1) counter.add({ at: String(at) });
  metrics.observed("gauge", { name: "b", help: "B" }, () => Promise.reject(new Error("away")));
  metrics.observed("gauge", { name: "c", help: "C" }, () => [{ labels: {}, value: 1 }]);
  const families = await metrics.collect();
  expect(families.map(({ name, samples }) => [name, samples.length])).toEqual([
    ["a_total", limits.seriesMax],
    ["c", 1],
  ]);
});

test("OTLP bodies have the fields of the protocol: cumulative sums, bucket counts as text", async () => {
  const metrics = createMetrics();
  metrics.counter("a_total", "A").add({ code: "200" }, 3);
  metrics.histogram("b_seconds", "B", [1]).observe({}, 2);
  const resource = { instance: "cp-0000000001", version: "1" };
  const body = metricsBody(await metrics.collect(), { resource, startMs: 1, nowMs: 2 });
  const [sum, histogram] = body.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? [];
  expect(sum).toEqual({
    ...{ name: "a_total", description: "A" },
    sum: {
      ...{ aggregationTemporality: 2, isMonotonic: true },
      dataPoints: [
        {
          attributes: [{ key: "code", value: { stringValue: "200" } }],
          ...{ startTimeUnixNano: "1000000", timeUnixNano: "2000000", asDouble: 3 },
        },
      ],
    },
  });
  expect(histogram).toMatchObject({
    histogram: { dataPoints: [{ count: "1", bucketCounts: ["0", "1"], explicitBounds: [1] }] },
  });
});

test("a call is one span with a child for each step, and a flood gives up the oldest, counted", async () => {
  const buffer = createSpanBuffer();
  const call = buffer.beginCall("waf.listSites", { "cordon.request_id": "req-1" });
  await call.step("parse", () => 1);
  await expect(call.step("handle", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  call.end({ code: 500, reason: "kernel.internal" });
  const spans = buffer.take(10);
  const root = spans.find(({ parentSpanId }) => parentSpanId === "");
  expect(spans.map(({ name, failed }) => [name, failed])).toEqual([
    ["parse", false],
    ["handle", true],
    ["waf.listSites", true],
  ]);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(spans.filter(({ parentSpanId }) => parentSpanId === root?.spanId)).toHaveLength(2);
  const resource = { instance: "cp-0000000001", version: "1" };
  const [scope] = tracesBody(spans, resource).resourceSpans[0]?.scopeSpans ?? [];
  expect(scope?.spans[2]).toMatchObject({ kind: 2, status: { code: 2 } });
  for (let at = 0; at <= spanLimits.spansMax; at += 1)
    buffer.beginCall("x", {}).end({ code: 200, reason: null });
  expect(buffer.dropped()).toBe(1);
});

test("readiness asks each part once a second at most, and one that does not answer has failed", async () => {
  let asked = 0;
  const readiness = createReadiness([
    { part: "database", needed: true, check: async () => ++asked > 0 },
    { part: "lake", needed: false, check: () => Promise.reject(new Error("away")) },
  ]);
  const answers = await Promise.all([readiness(), readiness(), readiness()]);
  expect(asked).toBe(1);
  expect(answers[0]).toEqual({ ready: true, parts: { database: "ok", lake: "failed" } });
  const sealed = createReadiness([{ part: "keyd", needed: true, check: async () => false }]);
  expect((await sealed()).ready).toBe(false);
});
