/**
 * Counters, histograms and gauges of one process, kept in memory and read as plain data. What
 * renders them is elsewhere (`prometheus.ts`, `otlp.ts`).
 */

export type Labels = Readonly<Record<string, string>>;

export type Sample = { readonly labels: Labels; readonly value: number };
export type HistogramSample = {
  readonly labels: Labels;
  /** Observations per bucket, not summed up; one more than bounds, for what is above. */
  readonly counts: readonly number[];
  readonly sum: number;
};

/** One metric with all its series. */
export type Family =
  | {
      readonly name: string;
      readonly help: string;
      readonly kind: "counter" | "gauge";
      readonly samples: readonly Sample[];
    }
  | {
      readonly name: string;
      readonly help: string;
      readonly kind: "histogram";
      readonly bounds: readonly number[];
      readonly samples: readonly HistogramSample[];
    };

export type Counter = { add(labels: Labels, value?: number): void };
export type Histogram = { observe(labels: Labels, value: number): void };

export const limits = {
  /** Label values come from contracts and names; beyond this a family takes no new series. */
  seriesMax: 2_000,
} as const;

/** Upper bounds in seconds: from a decision in memory to a call that waits for others. */
export const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** One text for one set of labels; several are counted for every call, so it is made cheaply. */
function keyOf(labels: Labels): string {
  let key = "";
  // The length keeps a separator inside a value from making two sets one.
  for (const name in labels) key += `${name}=${labels[name]?.length}:${labels[name]},`;
  return key;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** An empty registry. Names follow Prometheus: `cordon_<what>_<unit>`, counters end in `_total`. */
export function createMetrics() {
  const families: (() => Promise<Family> | Family)[] = [];
  return {
    counter(name: string, help: string): Counter {
      const series = new Map<string, { labels: Labels; value: number }>();
      families.push(() => ({ name, help, kind: "counter", samples: copied(series) }));
      return {
        add(labels, value = 1) {
          const one = seriesOf(series, labels, () => ({ labels, value: 0 }));
          if (one !== undefined) one.value += value;
        },
      };
    },

    histogram(name: string, help: string, bounds: readonly number[] = SECONDS): Histogram {
      const series = new Map<string, { labels: Labels; counts: number[]; sum: number }>();
      families.push(() => ({
        ...{ name, help, kind: "histogram", bounds },
        samples: copied(series).map((one) => ({ ...one, counts: [...one.counts] })),
      }));
      return {
        observe(labels, value) {
          const counts = () => new Array<number>(bounds.length + 1).fill(0);
          const one = seriesOf(series, labels, () => ({ labels, counts: counts(), sum: 0 }));
          if (one === undefined) return;
          const found = bounds.findIndex((bound) => value <= bound);
          const at = found === -1 ? bounds.length : found;
          one.counts[at] = (one.counts[at] ?? 0) + 1;
          one.sum += value;
        },
      };
    },

    /** A value that is asked for when it is read; a counter that another part keeps as well. */
    observed(
      kind: "gauge" | "counter",
      { name, help }: { readonly name: string; readonly help: string },
      read: () => Promise<readonly Sample[]> | readonly Sample[],
    ): void {
      families.push(async () => ({ name, help, kind, samples: await read() }));
    },

    /** Everything as it is now. What cannot be read (a database that is away) is left out. */
    async collect(): Promise<Family[]> {
      const read = await Promise.allSettled(families.map(async (family) => family()));
      return read.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    },
  };
}

function seriesOf<One>(series: Map<string, One>, labels: Labels, make: () => One): One | undefined {
  const key = keyOf(labels);
  const known = series.get(key);
  if (known !== undefined || series.size >= limits.seriesMax) return known;
  const made = make();
  series.set(key, made);
  return made;
}

const copied = <One extends object>(series: Map<string, One>): One[] =>
  [...series.values()].map((one) => ({ ...one }));
