/** How decisions of a policy become effects: noted for the event, and enforced by the mode. */
import type { Exchange } from "../state.ts";
import { hasPass } from "./challenge.ts";
import { challenge } from "./refuse.ts";
import { DECISIONS_MAX, type Decision } from "./run.ts";
import type { SitePolicy } from "./site-policy.ts";

/** Go on with the next; let the request pass all that follows; or it is over. */
export type Outcome = "next" | "pass" | "over";
export type Decided = Pick<Decision, "kind" | "id" | "name"> & Partial<Decision>;

/** Notes a decision for the event; `block`, enforced and without detail unless told. */
export function decide({ policy: run }: Exchange, decision: Decided): void {
  if (run === null || run.decisions.length >= DECISIONS_MAX) return;
  run.decisions.push({ action: "block", enforced: true, detail: "", ...decision });
}

/** Ends the exchange as told when the mode lets it, else notes that it would have ended. */
export function stop(exchange: Exchange, decision: Decided, end: () => void): Outcome {
  const isEnforced = exchange.site?.intent.mode === "block";
  decide(exchange, { ...decision, enforced: isEnforced });
  if (!isEnforced) {
    exchange.wouldBlock = true;
    return "pass";
  }
  end();
  return "over";
}

/** Asks for proof of work unless the request brings a pass. */
export function challengeUnlessPassed(
  exchange: Exchange,
  policy: SitePolicy,
  decided: Decided,
): Outcome {
  const facts = exchange.policy?.facts;
  if (facts === null || facts === undefined || hasPass(facts, policy.challengeKey)) return "next";
  return stop(exchange, { ...decided, action: "challenge" }, () => challenge(exchange, policy));
}
