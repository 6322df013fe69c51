/**
 * Words by service. A new service adds one file here and one line below; a few words may as well
 * be added to `en.ts` and `zh-CN.ts`.
 */
import type { ServiceWords } from "../words.ts";
import { account } from "./account.ts";
import { appgateway } from "./appgateway.ts";
import { audit } from "./audit.ts";
import { backup } from "./backup.ts";
import { certificates } from "./certificates.ts";
import { delivery } from "./delivery.ts";
import { encryption } from "./encryption.ts";
import { events } from "./events.ts";
import { fleet } from "./fleet.ts";
import { iam } from "./iam.ts";
import { incident } from "./incident.ts";
import { kernel } from "./kernel.ts";
import { kms } from "./kms.ts";
import { notify } from "./notify.ts";
import { sts } from "./sts.ts";
import { waf } from "./waf.ts";

export const serviceWords: Readonly<Record<string, ServiceWords>> = {
  account,
  appgateway,
  audit,
  backup,
  certificates,
  delivery,
  encryption,
  events,
  fleet,
  iam,
  incident,
  kernel,
  notify,
  kms,
  sts,
  waf,
};
