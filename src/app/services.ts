/** The list of services, each with what it is given. */
import { join } from "node:path";
import { composedTexts, contracts } from "../catalog.ts";
import { createLiveEvents } from "../kernel/events/live.ts";
import { anyCredential } from "../kernel/identity/authenticate.ts";
import { createAuthorizer } from "../kernel/identity/authorize.ts";
import { breachedPasswords } from "../kernel/identity/breached-passwords.ts";
import { installedRulesets, loadRuleset } from "../kernel/rules/load.ts";
import type { Service } from "../kernel/service.ts";
import { accountService } from "../services/account/service.ts";
import { appgatewayService } from "../services/appgateway/service.ts";
import { auditService } from "../services/audit/service.ts";
import { backupService } from "../services/backup/service.ts";
import { certificatesService } from "../services/certificates/service.ts";
import { deliveryService } from "../services/delivery/service.ts";
import { encryptionService } from "../services/encryption/service.ts";
import { eventsService } from "../services/events/service.ts";
import { fleetService, gatewayReports } from "../services/fleet/service.ts";
import { credentialLookup } from "../services/iam/credentials.ts";
import { createFirstAdministrator } from "../services/iam/first-administrator.ts";
import { roleDirectory } from "../services/iam/role-directory.ts";
import { iamService } from "../services/iam/service.ts";
import { incidentService } from "../services/incident/service.ts";
import { kmsService, openKms } from "../services/kms/service.ts";
import { notifyService } from "../services/notify/service.ts";
import { roleSessionLookup } from "../services/sts/credentials.ts";
import { stsService } from "../services/sts/service.ts";
import { installedView, ruleLibrary } from "../services/waf/library.ts";
import { wafService } from "../services/waf/service.ts";
import { appgatewayParts } from "./appgateway.ts";
import { backupParts } from "./backups.ts";
import { certificateParts } from "./certificates.ts";
import { deliveryParts } from "./delivery.ts";
import { type Foundations, machineAlarms } from "./foundations.ts";
import { clock, config, consoleHosts } from "./settings.ts";

/** Every service, and what others need of them. */
export function buildServices(foundations: Foundations, metricsText: () => Promise<string>) {
  const { database, auditLog, auditKey, lake, sealer, outbound, keyd } = foundations;
  const authorizer = createAuthorizer();
  const live = createLiveEvents();
  const rulesets = () => installedRulesets(config);
  const breached = breachedPasswords(join(config.folders.rules, "breached-passwords.txt"));
  const library = ruleLibrary(
    () => {
      const [first] = rulesets();
      return first === undefined ? undefined : loadRuleset(first);
    },
    () => installedView(rulesets()[0]),
  );
  const kms = openKms({ database, keyd, region: config.region, authorizer, clock });
  const waf = wafService({ database, gateways: () => gatewayReports(database), library, lake });
  const services: Service[] = [
    accountService({ createFirstAdministrator }),
    iamService({
      ...{ database, authorizer, contracts, sealer, breached, outbound },
      hosts: consoleHosts,
      serviceOf: (name) => services.find(({ contract }) => contract.service === name),
    }),
    stsService({ authorizer, sealer, findRole: roleDirectory(database).find }),
    auditService({
      log: auditLog,
      name: foundations.instance,
      publicKeyPem: auditKey.publicKeyPem,
    }),
    certificatesService(certificateParts(foundations)),
    deliveryService(deliveryParts(database)),
    kmsService(kms),
    encryptionService({ keyd }),
    waf,
    appgatewayService(appgatewayParts(foundations, waf)),
    eventsService({ lake, live, phaseOf: library.phaseOf }),
    incidentService(),
    notifyService({ sealer, outbound, texts: composedTexts, clock }),
    backupService(backupParts(foundations)),
    fleetService({ database, alarms: () => machineAlarms(foundations), metricsText }),
  ];
  return { services, authorizer, live, rulesets, kms };
}

/** Lasting keys of the iam service, and temporary ones of the sts service. */
export function allCredentials({ database, sealer }: Foundations) {
  const roles = roleDirectory(database);
  const temporary = roleSessionLookup(database, { roles, sealer });
  return anyCredential(credentialLookup(database, sealer), temporary);
}
