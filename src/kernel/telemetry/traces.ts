/** Spans of calls, kept until they are exported. Without an exporter none are made. */
import { randomBytes } from "node:crypto";

export type Span = {
  /** 32 and 16 hexadecimal digits (W3C Trace Context). */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** Nanoseconds since the epoch. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly failed: boolean;
};

export const limits = {
  /** Spans that wait for the exporter; beyond it the oldest are given up and counted. */
  spansMax: 8_192,
} as const;

/** A call under way. */
export type CallTrace = {
  /** Runs one step of the call in a span of its own. */
  step<Result>(name: string, work: () => Promise<Result> | Result): Promise<Result> | Result;
  end(outcome: { readonly code: number; readonly reason: string | null }): void;
};

export type SpanBuffer = {
  beginCall(name: string, attributes: Readonly<Record<string, string>>): CallTrace;
  /** Takes what there is; at most `max`. */
  take(max: number): Span[];
  /** Spans given up since the start. */
  dropped(): number;
};

const nowNs = (): bigint => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6));

/** An empty buffer. */
export function createSpanBuffer(): SpanBuffer {
  const spans: Span[] = [];
  let dropped = 0;
  const keep = (span: Span) => {
    if (spans.length >= limits.spansMax) {
      spans.shift();
      dropped += 1;
    }
    spans.push(span);
  };
  return {
    take: (max) => spans.splice(0, max),
    dropped: () => dropped,
    beginCall(name, attributes) {
      const traceId = randomBytes(16).toString("hex");
      const rootId = randomBytes(8).toString("hex");
      const startNs = nowNs();
      return {
        async step(stepName, work) {
          const began = nowNs();
          let failed = true;
          try {
            const result = await work();
            failed = false;
            return result;
          } finally {
            keep({
              ...{ traceId, spanId: randomBytes(8).toString("hex"), parentSpanId: rootId, failed },
              ...{ name: stepName, startNs: began, endNs: nowNs(), attributes: {} },
            });
          }
        },
        end({ code, reason }) {
          const outcome = { "http.response.status_code": code, "error.type": reason ?? "" };
          keep({
            ...{ traceId, spanId: rootId, parentSpanId: "", name, startNs, endNs: nowNs() },
            ...{ attributes: { ...attributes, ...outcome }, failed: code >= 500 },
          });
        },
      };
    },
  };
}
