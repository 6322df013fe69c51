/** Certificates: inventory, sites they are served on, own authorities, and applying for them. */
import { contract } from "../../kernel/operation.ts";
import {
  inventoryOperations,
  inventoryProblems,
  inventoryResources,
} from "./inventory-contract.ts";

export * from "./resources.ts";

export const certificatesContract = contract({
  service: "certificates",
  title: "Certificates",
  summary: "Certificates and their keys: kept, served, issued, renewed and watched",
  resources: [...inventoryResources],
  operations: { ...inventoryOperations },
  problems: { ...inventoryProblems },
  events: [
    "certificates.certificateUploaded",
    "certificates.certificateDeleted",
    "certificates.certificateBound",
    "certificates.certificateUnbound",
    "certificates.certificateServed",
    "certificates.bindingDrifted",
    "certificates.bindingUnverified",
    "certificates.certificateExpiring",
    "certificates.certificateExpired",
    "certificates.certificateRevoked",
  ],
});
