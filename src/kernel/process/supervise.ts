/**
 * A set of child processes kept alive: each starts when what it needs is ready, and all stop in
 * the reverse order. What the children are is data given by the caller.
 */
import {
  type Child,
  type ChildEvents,
  type ChildSpec,
  type ChildStatus,
  createChild,
} from "./child.ts";

export type Supervisor = {
  /** Resolves when every child is ready. @throws ChildFailedError of the first that cannot be. */
  readonly start: () => Promise<void>;
  /** Stops all in reverse order; resolves when no process is left. */
  readonly stop: () => Promise<void>;
  /** Ends all at once. */
  readonly kill: () => void;
  readonly status: () => readonly ChildStatus[];
};

const CHILDREN_MAX = 32;

/**
 * Prepares the supervision of `specs`, given in the order of starting.
 *
 * @throws RangeError when a name is used twice or a need is not an earlier child.
 */
export function supervise(specs: readonly ChildSpec[], events: ChildEvents): Supervisor {
  checkOrder(specs);
  const children = new Map(specs.map((spec) => [spec.name, createChild(spec, events)]));
  const started = new Map<string, Promise<void>>();
  let stopping: Promise<void> | undefined;

  const startOne = async (child: Child): Promise<void> => {
    await Promise.all(child.spec.needs.map((name) => started.get(name)));
    if (stopping === undefined) await child.start();
  };
  return {
    start: async () => {
      for (const child of children.values()) {
        const promise = startOne(child);
        // Each failure is reported by the first that awaits it below; none is unhandled.
        promise.catch(() => {});
        started.set(child.spec.name, promise);
      }
      await Promise.all(started.values());
    },
    stop: () => {
      stopping ??= stopInReverse([...children.values()]);
      return stopping;
    },
    kill: () => {
      for (const child of children.values()) child.kill();
    },
    status: () => [...children.values()].map((child) => child.status()),
  };
}

async function stopInReverse(children: readonly Child[]): Promise<void> {
  for (const child of children.toReversed()) await child.stop();
}

function checkOrder(specs: readonly ChildSpec[]): void {
  if (specs.length > CHILDREN_MAX) {
    throw new RangeError(`Cannot supervise ${specs.length} children: the limit is ${CHILDREN_MAX}`);
  }
  const earlier = new Set<string>();
  for (const { name, needs } of specs) {
    if (earlier.has(name)) throw new RangeError(`Cannot supervise "${name}": it is named twice`);
    const missing = needs.find((need) => !earlier.has(need));
    if (missing !== undefined) {
      throw new RangeError(`Cannot supervise "${name}": it needs "${missing}", not started before`);
    }
    earlier.add(name);
  }
}
