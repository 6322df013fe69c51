/** What gateways and the control plane tell each other of rate limits (docs/decisions/0029). */
import Type, { type Static } from "typebox";

export const rateExchangeLimits = {
  /** How often a gateway tells what it counted, and how long it waits for that to be taken. */
  reportEveryMs: 250,
  reportTimeoutMs: 2_000,
  /** Keys of one report, those nearest to their limit first; the rest is counted there alone. */
  keysPerReportMax: 2_048,
  /** Reports that the control plane takes from one gateway in a second. */
  reportsPerSecondMax: 8,
  /** Bans of one answer; more follow in the next. */
  bansPerAnswerMax: 2_048,
  /** Bans in force that gateways tell each other of, over all accounts. */
  bansMax: 20_000,
  /** Bans that the limits of one account may cause elsewhere in a minute. */
  bansPerAccountMinuteMax: 3_000,
  /** A gateway that did not ask for so long takes part no more. */
  forgetGatewayMs: 60_000,
} as const;

const Word = Type.Integer({ minimum: 0, maximum: 0xff_ff_ff_ff });
const Scope = Type.String({ minLength: 1, maxLength: 160 });

/** Arrivals since the last report: by scope, the two words of the key and how many. */
export const RateReport = Type.Object(
  {
    scopes: Type.Array(
      Type.Object(
        {
          scope: Scope,
          counts: Type.Array(
            Type.Tuple([Word, Word, Type.Integer({ minimum: 1, maximum: 1_000_000_000 })]),
            { maxItems: rateExchangeLimits.keysPerReportMax },
          ),
        },
        { additionalProperties: false },
      ),
      { maxItems: rateExchangeLimits.keysPerReportMax },
    ),
  },
  { additionalProperties: false },
);
export type RateReport = Static<typeof RateReport>;

export const RateNews = Type.Object({
  /** Of the control plane's memory; another one has forgotten what was before. */
  epoch: Type.String({ maxLength: 64 }),
  sequence: Type.Integer({ minimum: 0 }),
  /** What every gateway keys its hashes with, so that the same client has the same key. */
  seed: Type.String({ minLength: 32, maxLength: 128 }),
  /** How many gateways take part; with one there is nothing to tell. */
  gateways: Type.Integer({ minimum: 0 }),
  bans: Type.Array(
    Type.Object({
      scope: Scope,
      high: Word,
      low: Word,
      /** From now on: clocks of machines differ. */
      forMs: Type.Number({ minimum: 0 }),
    }),
    { maxItems: rateExchangeLimits.bansPerAnswerMax },
  ),
});
export type RateNews = Static<typeof RateNews>;

/** What a gateway has heard already. */
export type HeardRates = Pick<RateNews, "epoch" | "sequence" | "gateways">;
