/**
 * SCIM's bulk requests (RFC 7644 §3.7): each of its operations is a call of its own, with its own
 * policy decision, transaction and audit entry, so that a bulk request can do nothing that single
 * requests could not.
 */

export type BulkStep = {
  readonly method: "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the base of SCIM: `/Users` or `/Groups/grp-0123456789`. */
  readonly path: string;
  readonly bulkId?: string;
  readonly version?: string;
  readonly data?: object;
};

/** A bulk request whose form is right. */
export type AcceptedBulk = {
  readonly schemas: readonly string[];
  /** The path that the steps' paths are below. */
  readonly base: string;
  readonly failOnErrors: number;
  readonly steps: readonly BulkStep[];
};

/** What came of one step: the HTTP status, and the resource or SCIM's error message. */
export type StepOutcome = { readonly code: number; readonly body: unknown };

type Resource = {
  readonly id?: string;
  readonly meta?: { readonly location?: string; readonly version?: string };
};

const REFERENCE = /^bulkId:(.+)$/;

/** Texts "bulkId:…" in a value, replaced; `missing` takes the names that are not known yet. */
function resolved(value: unknown, ids: ReadonlyMap<string, string>, missing: string[]): unknown {
  if (typeof value === "string") {
    const name = REFERENCE.exec(value)?.[1];
    if (name === undefined) return value;
    const id = ids.get(name);
    if (id === undefined) missing.push(name);
    return id ?? value;
  }
  if (Array.isArray(value)) return value.map((one) => resolved(one, ids, missing));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, resolved(one, ids, missing)]),
  );
}

/** The step with ids in the place of references, or the names that it waits for. */
function ready(step: BulkStep, ids: ReadonlyMap<string, string>): BulkStep | readonly string[] {
  const missing: string[] = [];
  const path = step.path
    .split("/")
    .map((segment) => resolved(segment, ids, missing))
    .join("/");
  const data = resolved(step.data, ids, missing) as object | undefined;
  return missing.length > 0 ? missing : { ...step, path, ...(data === undefined ? {} : { data }) };
}

function answerOf(step: BulkStep, { code, body }: StepOutcome): object {
  const { meta } = (body ?? {}) as Resource;
  const location = meta?.location ?? (step.method === "POST" ? undefined : step.path);
  return {
    ...(location === undefined ? {} : { location }),
    method: step.method,
    ...(step.bulkId === undefined ? {} : { bulkId: step.bulkId }),
    ...(meta?.version === undefined ? {} : { version: meta.version }),
    status: String(code),
    ...(code >= 400 ? { response: body } : {}),
  };
}

/**
 * Runs the steps in their order; one that refers to a resource made later waits for it.
 *
 * @param failOnErrors the number of failures after which no more is tried; 0 = none.
 * @param unresolved makes the outcome of a step whose reference nothing resolves.
 * @returns the answers in the order in which the steps were run.
 */
export async function runBulk(
  steps: readonly BulkStep[],
  {
    failOnErrors,
    run,
    unresolved,
  }: {
    readonly failOnErrors: number;
    readonly run: (step: BulkStep) => Promise<StepOutcome>;
    readonly unresolved: (names: readonly string[]) => StepOutcome;
  },
): Promise<object[]> {
  const ids = new Map<string, string>();
  const answers: object[] = [];
  let failures = 0;
  let waiting = [...steps];
  // Each round runs a step, or it is the last: there are no more rounds than steps.
  while (waiting.length > 0) {
    const later: BulkStep[] = [];
    const isMaking = new Set(waiting.map(({ bulkId }) => bulkId));
    let progressed = false;
    for (const step of waiting) {
      if (failOnErrors > 0 && failures >= failOnErrors) return answers;
      const whole = ready(step, ids);
      const isWaiting = "length" in whole;
      if (isWaiting && whole.every((name) => isMaking.has(name) && name !== step.bulkId)) {
        later.push(step);
        continue;
      }
      const outcome = isWaiting ? unresolved(whole) : await run(whole);
      progressed = true;
      if (outcome.code >= 400) failures += 1;
      const { id } = (outcome.body ?? {}) as Resource;
      const isMade = step.method === "POST" && outcome.code < 400;
      if (isMade && step.bulkId !== undefined && id !== undefined) ids.set(step.bulkId, id);
      answers.push(answerOf(isWaiting ? step : whole, outcome));
    }
    if (!progressed) {
      return [...answers, ...later.map((step) => answerOf(step, unresolved([step.bulkId ?? ""])))];
    }
    waiting = later;
  }
  return answers;
}
