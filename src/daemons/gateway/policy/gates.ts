/** What a policy checks before its rules: honeypots, countries, agents that probe, crawlers. */
import type { Facts } from "../../../engines/sitepolicy/facts.ts";
import { scopeOfHoneypot, termsOfHoneypot } from "../../../kernel/intent/rate-scopes.ts";
import type { Exchange } from "../state.ts";
import { challengeUnlessPassed, decide, type Outcome, stop } from "./outcome.ts";
import { countByNetwork, refusedNetwork } from "./rates.ts";
import { refuse } from "./refuse.ts";
import type { SitePolicy } from "./site-policy.ts";

/** Asks the gates in their order. */
export function passGates(exchange: Exchange, policy: SitePolicy, facts: Facts): Outcome {
  const { bots, geo } = policy.intent;
  if (bots.honeypotPaths.length > 0) {
    const outcome = honeypot(exchange, policy, facts);
    if (outcome !== "next") return outcome;
  }
  if (geo.mode !== "off") {
    const outcome = country(exchange, policy, facts);
    if (outcome !== "next") return outcome;
  }
  return agents(exchange, policy, facts);
}

/** Who asks for a path that nothing links to is refused everywhere on the site for a while. */
function honeypot(exchange: Exchange, policy: SitePolicy, facts: Facts): Outcome {
  const { rates } = exchange.connection.gateway;
  const scope = scopeOfHoneypot(exchange.site?.intent.siteId ?? "");
  const { honeypotBanSeconds } = policy.intent.bots;
  const readings = exchange.policy?.readings ?? [];
  const isTrap = readings.some(({ path }) => policy.honeypots.has(path));
  const waitMs = isTrap
    ? countByNetwork(rates, facts, { scope, terms: termsOfHoneypot(honeypotBanSeconds) })
    : refusedNetwork(rates, facts, scope);
  if (waitMs === 0) return "next";
  const detail = isTrap ? `Asked for ${facts.path}` : "Asked for a honeypot path before";
  return stop(exchange, { kind: "honeypot", id: "", name: "", detail }, () =>
    refuse(exchange, "honeypot"),
  );
}

function country(exchange: Exchange, policy: SitePolicy, facts: Facts): Outcome {
  const { mode, unknown } = policy.intent.geo;
  const known = facts.country ?? "";
  const network = facts.asn ?? "";
  const isListed = policy.countries.has(known) || policy.asns.has(network);
  const isKnown = known !== "" || network !== "";
  const isRefused =
    isKnown || isListed ? isListed === (mode === "blockThese") : unknown === "block";
  if (!isRefused) return "next";
  const detail = `Country ${known || "unknown"}, AS ${network || "unknown"}`;
  return stop(exchange, { kind: "geo", id: "", name: "", detail }, () =>
    refuse(exchange, "countryBlocked"),
  );
}

function agents(exchange: Exchange, policy: SitePolicy, facts: Facts): Outcome {
  const { badAgents, fakeCrawlers } = policy.intent.bots;
  if (badAgents !== "off" && policy.bots?.isBadAgent(facts.userAgent) === true) {
    const bad = {
      kind: "bot",
      id: "badAgent",
      name: "",
      detail: facts.userAgent.slice(0, 128),
    } as const;
    if (badAgents === "log") decide(exchange, { ...bad, action: "log", enforced: false });
    else {
      const outcome =
        badAgents === "challenge"
          ? challengeUnlessPassed(exchange, policy, bad)
          : stop(exchange, bad, () => refuse(exchange, "badAgent"));
      if (outcome !== "next") return outcome;
    }
  }
  if (fakeCrawlers === "off" || facts.crawlerState() !== "fake") return "next";
  const fake = {
    kind: "bot",
    id: "fakeCrawler",
    name: "",
    detail: facts.userAgent.slice(0, 128),
  } as const;
  if (fakeCrawlers === "block") return stop(exchange, fake, () => refuse(exchange, "fakeCrawler"));
  decide(exchange, { ...fake, action: "log", enforced: false });
  return "next";
}
