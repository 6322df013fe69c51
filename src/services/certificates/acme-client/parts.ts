/** What the ACME client is given, and its limits. */
import type { Sql } from "../../../kernel/store/database.ts";
import type { SessionParts } from "./session.ts";

export type ClientParts = SessionParts & {
  readonly clock: () => number;
  readonly newId: (prefix: string) => string;
  /** From 0 to 1. */
  readonly chance: () => number;
  /** Whether a site of the account is served for exactly this domain. */
  readonly ownsDomain: (sql: Sql, accountId: string, domain: string) => Promise<boolean>;
  readonly refreshIntent: () => Promise<void>;
  /** Whether every gateway runs the newest intent. */
  readonly gatewaysFollow: () => Promise<boolean>;
};

export const clientLimits = {
  ordersPerRunMax: 50,
  ordersAtOnceMax: 8,
  /** Steps of one run; an order of 100 names takes 203. */
  stepsMax: 400,
  /** After so many failures a first order is given up; a renewal is never. */
  failuresMax: 8,
  pollMs: 1_000,
} as const;
