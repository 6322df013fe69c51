/**
 * Metrics and spans as OTLP/HTTP with JSON (opentelemetry-proto 1.3, "JSON Protobuf Encoding"),
 * and the exporter that posts them to a collector.
 */
import type { Family, Labels } from "./metrics.ts";
import type { Span } from "./traces.ts";

export type Resource = { readonly instance: string; readonly version: string };

const CUMULATIVE = 2;
const KIND_INTERNAL = 1;
const KIND_SERVER = 2;
const STATUS_ERROR = 2;
const EXPORT_MAX_MS = 10_000;

type Value = { stringValue: string } | { intValue: string };
const anyValue = (value: string | number): Value =>
  typeof value === "number" ? { intValue: String(value) } : { stringValue: value };

const attributesOf = (labels: Readonly<Record<string, string | number>>) =>
  Object.entries(labels).map(([key, value]) => ({ key, value: anyValue(value) }));

const resourceOf = ({ instance, version }: Resource) => ({
  attributes: attributesOf({
    "service.name": "cordon",
    "service.instance.id": instance,
    "service.version": version,
  }),
});
const scope = { name: "cordon" };

/** The body of `POST /v1/metrics`. */
export function metricsBody(
  families: readonly Family[],
  given: { readonly resource: Resource; readonly startMs: number; readonly nowMs: number },
) {
  const startTimeUnixNano = String(BigInt(given.startMs) * 1_000_000n);
  const timeUnixNano = String(BigInt(given.nowMs) * 1_000_000n);
  const point = (labels: Labels) => ({
    attributes: attributesOf(labels),
    ...{ startTimeUnixNano, timeUnixNano },
  });
  const metrics = families.map((family) => {
    const { name, help: description } = family;
    const cumulative = { aggregationTemporality: CUMULATIVE };
    if (family.kind === "histogram") {
      const dataPoints = family.samples.map(({ labels, counts, sum }) => ({
        ...{ ...point(labels), sum, explicitBounds: family.bounds },
        count: String(counts.reduce((total, count) => total + count, 0)),
        bucketCounts: counts.map(String),
      }));
      return { name, description, histogram: { dataPoints, ...cumulative } };
    }
    const dataPoints = family.samples.map(({ labels, value }) => ({
      ...point(labels),
      asDouble: value,
    }));
    return family.kind === "gauge"
      ? { name, description, gauge: { dataPoints } }
      : { name, description, sum: { dataPoints, ...cumulative, isMonotonic: true } };
  });
  const resource = resourceOf(given.resource);
  return { resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics }] }] };
}

/** The body of `POST /v1/traces`. */
export function tracesBody(spans: readonly Span[], resource: Resource) {
  return {
    resourceSpans: [
      {
        resource: resourceOf(resource),
        scopeSpans: [
          {
            scope,
            spans: spans.map(({ startNs, endNs, failed, attributes, parentSpanId, ...span }) => ({
              ...span,
              ...(parentSpanId === "" ? {} : { parentSpanId }),
              kind: parentSpanId === "" ? KIND_SERVER : KIND_INTERNAL,
              startTimeUnixNano: String(startNs),
              endTimeUnixNano: String(endNs),
              attributes: attributesOf(attributes),
              status: failed ? { code: STATUS_ERROR } : {},
            })),
          },
        ],
      },
    ],
  };
}

/** Posts one body to the collector. @throws Error naming status and path; no header values. */
export async function postOtlp(
  { url, headers }: { readonly url: string; readonly headers: Readonly<Record<string, string>> },
  path: "/v1/metrics" | "/v1/traces",
  body: object,
): Promise<void> {
  const response = await fetch(`${url.replace(/\/$/, "")}${path}`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
    redirect: "error",
    signal: AbortSignal.timeout(EXPORT_MAX_MS),
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`Cannot export to ${path}: it answered ${response.status}`);
}
