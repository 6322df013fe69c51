/** What is counted and traced of a call: its operation, steps, time and outcome; no input. */
import type { Counter, Histogram, Metrics } from "../telemetry/metrics.ts";
import type { CallTrace, SpanBuffer } from "../telemetry/traces.ts";
import type { Call } from "./call.ts";

export type CallTelemetry = {
  readonly calls: Counter;
  readonly seconds: Histogram;
  /** Undefined while nobody takes spans. */
  readonly spans: SpanBuffer | undefined;
};

/** The metrics of calls in this registry. */
export function createCallTelemetry(metrics: Metrics, spans: SpanBuffer | undefined) {
  return {
    calls: metrics.counter("cordon_api_calls_total", "Calls of the API by operation and code"),
    seconds: metrics.histogram("cordon_api_call_duration_seconds", "Time of a call, all steps"),
    spans,
  } satisfies CallTelemetry;
}

/** Begins to watch a call. */
export function watchCall(telemetry: CallTelemetry | undefined, call: Call): CallTrace {
  const { name, method } = call.route.operation;
  const beganMs = performance.now();
  const trace = telemetry?.spans?.beginCall(name, {
    "cordon.request_id": call.requestId,
    "http.request.method": method,
    "client.address": call.sourceIp,
  });
  return {
    step: (step, work) => (trace === undefined ? work() : trace.step(step, work)),
    end(outcome) {
      trace?.end(outcome);
      telemetry?.calls.add({ operation: name, code: String(outcome.code) });
      telemetry?.seconds.observe({ operation: name }, (performance.now() - beganMs) / 1000);
    },
  };
}
