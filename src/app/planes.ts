/** Which service says what in the intent of each data plane. */
import { createIntentPublisher } from "../kernel/intent/publisher.ts";
import { challengeSection } from "../services/certificates/challenge-intent.ts";
import {
  boundCertificate,
  keyedCertificate,
  keyOpener,
} from "../services/certificates/gateway-keys.ts";
import { siteDeliveries } from "../services/delivery/intent.ts";
import { blockedPacketsSection, blockedSourcesSection } from "../services/incident/intent.ts";
import { wafGatewaySection } from "../services/waf/intent.ts";
import { ownsDomain } from "./certificates.ts";
import type { Foundations } from "./foundations.ts";
import { clock } from "./settings.ts";

/** The publisher of the intent of every plane. */
export function buildPlanes(
  { database, authority, keyd }: Foundations,
  rulesets: () => readonly { name: string; rulesFolder: string }[],
) {
  return createIntentPublisher({
    database,
    clock,
    reveal: keyOpener(keyd),
    planes: {
      gateway: [
        wafGatewaySection({
          authority,
          boundCertificate,
          deliveries: (sql) => siteDeliveries(sql, keyedCertificate),
          ruleset: () => rulesets()[0]?.name ?? "",
        }),
        blockedSourcesSection(),
        challengeSection(ownsDomain),
        async () => ({
          rulesets: rulesets().map(({ name, rulesFolder }) => ({ name, folder: rulesFolder })),
        }),
      ],
      network: [blockedPacketsSection()],
    },
  });
}
