/** What listens beside the API: nodes, and protocols of their own. */
import { randomUUID } from "node:crypto";
import { newId } from "../kernel/id.ts";
import { createFleetListener } from "../kernel/intent/listener.ts";
import { createRateExchange } from "../kernel/intent/rate-exchange.ts";
import { scopesOfNewest } from "../kernel/intent/rate-scopes.ts";
import { acmeMount } from "../services/certificates/acme-server/mount.ts";
import { pkiMount } from "../services/certificates/pki-endpoints.ts";
import { nodeRegistry } from "../services/fleet/service.ts";
import { geoDatabaseIntentStore } from "../services/waf/geo-database-store.ts";
import { listIntentStore } from "../services/waf/list-store.ts";
import { ruleSetIntentStore } from "../services/waf/rule-set-store.ts";
import type { Foundations } from "./foundations.ts";
import { clock, config, log } from "./settings.ts";

/** The listener of nodes that are not part of this process, after it listens. */
export async function listenForFleet(
  { authority, database }: Foundations,
  parts: Pick<Parameters<typeof createFleetListener>[0], "certificate" | "publisher">,
) {
  const registry = nodeRegistry(database, clock);
  const content = (plane: string, sha256: string) =>
    plane === "gateway"
      ? database.transaction(
          "system",
          async (sql) =>
            (await listIntentStore(sql).packed(sha256)) ??
            (await ruleSetIntentStore(sql).packed(sha256)) ??
            geoDatabaseIntentStore(sql).packed(sha256),
        )
      : Promise.resolve(undefined);
  const rates = createRateExchange({
    seed: authority.secretFor("rate limits of gateways"),
    epoch: randomUUID(),
    scopes: scopesOfNewest(() => parts.publisher.current("gateway")),
    clock,
    log,
  });
  const fleet = createFleetListener({ authority, registry, content, rates, log, ...parts });
  await new Promise<void>((resolve, reject) => {
    fleet.once("error", reject);
    fleet.listen(config.fleet.port, config.fleet.host, resolve);
  });
  return fleet;
}

/** Protocols beside the API: the ACME server, and what relying parties fetch. */
export function mountsOf(
  { database, keyd, signers, outbound }: Foundations,
  eventsWritten: () => void,
) {
  const { host, port } = config.console;
  const names = ["localhost", "127.0.0.1", "[::1]", host.toLowerCase()];
  const pki = pkiMount({ database, signers, clock });
  const mount = acmeMount({
    ...{ database, sealer: keyd, signers, outbound, clock, newId, log, eventsWritten },
    validationPort: config.acme.validationPort,
    hosts: new Set(names.flatMap((name) => [`${name}:${port}`, ...(port === 443 ? [name] : [])])),
  });
  return { mounts: [mount, pki], plain: [pki] };
}
