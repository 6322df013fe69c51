/** Which service says what in the intent of each data plane. */
import { createIntentPublisher } from "../kernel/intent/publisher.ts";
import { siteUserAudits, userAuditOpener } from "../services/appgateway/intent.ts";
import { challengeSection } from "../services/certificates/challenge-intent.ts";
import {
  boundCertificate,
  keyedCertificate,
  keyOpener,
} from "../services/certificates/gateway-keys.ts";
import { siteDeliveries } from "../services/delivery/intent.ts";
import { blockedPacketsSection, blockedSourcesSection } from "../services/incident/intent.ts";
import { wafGatewaySection } from "../services/waf/intent.ts";
import { ruleSetIntentStore } from "../services/waf/rule-set-store.ts";
import { ownsDomain } from "./certificates.ts";
import type { Foundations } from "./foundations.ts";
import { clock } from "./settings.ts";

/** The publisher of the intent of every plane. */
export function buildPlanes(
  { database, authority, keyd, sealer }: Foundations,
  rulesets: () => readonly { name: string; rulesFolder: string }[],
) {
  const openKeys = keyOpener(keyd);
  const openUserAudits = userAuditOpener(sealer);
  return createIntentPublisher({
    database,
    clock,
    reveal: async (document) =>
      withFolders(await openUserAudits(await openKeys(document)), rulesets()),
    planes: {
      gateway: [
        wafGatewaySection({
          authority,
          boundCertificate,
          deliveries: (sql) => siteDeliveries(sql, keyedCertificate),
          userAudits: siteUserAudits,
          ruleset: () => rulesets()[0]?.name ?? "",
        }),
        blockedSourcesSection(),
        challengeSection(ownsDomain),
        async (sql) => ({
          // Without the folder, which is this machine's: what is stored must be the same from all.
          rulesets: [
            ...rulesets().map(({ name }) => ({ name, folder: "" })),
            ...(await ruleSetIntentStore(sql).used()),
          ],
        }),
      ],
      network: [blockedPacketsSection()],
    },
  });
}

type Document = Readonly<Record<string, unknown>>;

/** Names where the rule sets lie on this machine. */
function withFolders(
  document: Document,
  installed: readonly { name: string; rulesFolder: string }[],
): Document {
  if (!Array.isArray(document.rulesets)) return document;
  const rulesets = document.rulesets.map((ruleset: { name: string }) => ({
    ...ruleset,
    folder: installed.find(({ name }) => name === ruleset.name)?.rulesFolder ?? "",
  }));
  return { ...document, rulesets };
}
