/** What policies need from the gateway's disk: lists, and databases of countries and networks. */
import type { GatewayIntent } from "../intent.ts";
import { badAgentTest, knownCrawlers } from "./bots.ts";
import { createCrawlers } from "./crawlers.ts";
import { geoOpener } from "./geo.ts";
import { listOpener } from "./list-files.ts";
import type { PolicyResources } from "./site-policy.ts";

/** Opens it for one intent after the other. */
export function policyResources(
  gatewayFolder: string,
): (intent: GatewayIntent) => Omit<PolicyResources, "seed"> {
  const lists = listOpener(gatewayFolder);
  const geo = geoOpener(gatewayFolder);
  const bots = { isBadAgent: badAgentTest(), crawlers: createCrawlers(knownCrawlers()) };
  return (intent) => ({ lists: lists(intent), geo: geo(intent), bots });
}
