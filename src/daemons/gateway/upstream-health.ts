/** What a worker knows of an upstream beside its connections. */

/** What is known of an upstream that is watched. */
export type UpstreamHealth = {
  /** Of active checks; true until enough of them failed. */
  up: boolean;
  /** Equal results of checks in a row that speak against `up`. */
  streak: number;
  checking: boolean;
  nextCheckMs: number;
  /** Failed requests in a row, and until when they keep it out of turn. */
  failures: number;
  ejectedUntilMs: number;
  /** Why it is not up. */
  reason: string;
  /** Of the round robin: who has waited for longest relative to its weight goes next. */
  credit: number;
};

export const newHealth = (): UpstreamHealth => ({
  up: true,
  streak: 0,
  checking: false,
  nextCheckMs: 0,
  failures: 0,
  ejectedUntilMs: 0,
  reason: "",
  credit: 0,
});
