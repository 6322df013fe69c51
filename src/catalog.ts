/**
 * Every contract there is, as data. The server, the command line, the console and the reference
 * are all made from this list; `app/` alone knows the code behind it.
 */
import type { Contract } from "./kernel/operation.ts";
import { kernelTexts } from "./kernel/texts.ts";
import type { Texts } from "./lib/coded-text.ts";
import { accountContract } from "./services/account/contract.ts";
import { appgatewayContract } from "./services/appgateway/contract.ts";
import { auditContract } from "./services/audit/contract.ts";
import { backupContract } from "./services/backup/contract.ts";
import { certificatesContract } from "./services/certificates/contract.ts";
import { deliveryContract } from "./services/delivery/contract.ts";
import { encryptionContract } from "./services/encryption/contract.ts";
import { eventsContract } from "./services/events/contract.ts";
import { fleetContract } from "./services/fleet/contract.ts";
import { iamContract } from "./services/iam/contract.ts";
import { incidentContract } from "./services/incident/contract.ts";
import { kmsContract } from "./services/kms/contract.ts";
import { notifyContract } from "./services/notify/contract.ts";
import { stsContract } from "./services/sts/contract.ts";
import { wafContract } from "./services/waf/contract.ts";

export const catalog = {
  waf: wafContract,
  kms: kmsContract,
  encryption: encryptionContract,
  certificates: certificatesContract,
  delivery: deliveryContract,
  appgateway: appgatewayContract,
  events: eventsContract,
  incident: incidentContract,
  iam: iamContract,
  sts: stsContract,
  audit: auditContract,
  notify: notifyContract,
  backup: backupContract,
  fleet: fleetContract,
  account: accountContract,
} as const;

export const contracts: readonly Contract[] = Object.values(catalog);

/** Every text that is composed for people, by code. */
export const composedTexts: Texts = Object.assign(
  {},
  kernelTexts,
  ...contracts.map(({ texts = {} }) => texts),
);
