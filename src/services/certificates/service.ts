/** Handlers of the certificates service, joined from its parts. */
import { type Service, service } from "../../kernel/service.ts";
import type { Database } from "../../kernel/store/database.ts";
import { type ApplyParts, applyHandlers } from "./apply.ts";
import { authorityHandlers } from "./authority.ts";
import { certificatesContract } from "./contract.ts";
import { type DeployParts, deployHandlers } from "./deploy.ts";
import { inventoryHandlers } from "./inventory.ts";
import type { KeySealer } from "./sealing.ts";
import type { Signers } from "./signers.ts";
import type { Sm2PairParts } from "./sm2-pairs.ts";

export type CertificatesParts = DeployParts &
  ApplyParts & {
    readonly database: Database;
    readonly sealer: KeySealer;
    readonly signers: Signers;
    readonly keyMaker: Sm2PairParts["keyMaker"];
  };

/** The certificates service. */
export function certificatesService(parts: CertificatesParts): Service {
  return service(certificatesContract, {
    ...inventoryHandlers(parts.sealer),
    ...deployHandlers(parts),
    ...applyHandlers(parts),
    ...authorityHandlers(parts),
  });
}
