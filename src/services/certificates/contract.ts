/** Certificates: inventory, sites they are served on, own authorities, and applying for them. */
import { contract } from "../../kernel/operation.ts";
import { applyOperations, applyProblems, applyResources } from "./apply-contract.ts";
import {
  authorityOperations,
  authorityProblems,
  authorityResources,
} from "./authority-contract.ts";
import {
  inventoryOperations,
  inventoryProblems,
  inventoryResources,
} from "./inventory-contract.ts";
import { certificateTexts } from "./texts.ts";

export * from "./resources.ts";

export const certificatesContract = contract({
  service: "certificates",
  title: "Certificates",
  summary: "Certificates and their keys: kept, served, issued, renewed and watched",
  resources: [...inventoryResources, ...applyResources, ...authorityResources],
  operations: { ...inventoryOperations, ...applyOperations, ...authorityOperations },
  problems: { ...inventoryProblems, ...applyProblems, ...authorityProblems },
  texts: certificateTexts,
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
    "certificates.orderCreated",
    "certificates.orderIssued",
    "certificates.orderDelayed",
    "certificates.orderFailed",
    "certificates.certificateRenewed",
    "certificates.authorityCreated",
    "certificates.issuancePolicyCreated",
    "certificates.issuancePolicyUpdated",
    "certificates.issuancePolicyDeleted",
    "certificates.externalAccountDeleted",
    "certificates.acmeAccountRegistered",
    "certificates.certificateIssued",
    "certificates.issuedCertificateRevoked",
  ],
});
