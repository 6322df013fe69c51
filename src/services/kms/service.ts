/** The handlers of the key management service, and what its decisions depend on. */
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import type { KeydClient } from "../../kernel/keyd/client.ts";
import { type Service, service } from "../../kernel/service.ts";
import type { Database } from "../../kernel/store/database.ts";
import { kmsAccess } from "./access.ts";
import { aliasHandlers } from "./aliases.ts";
import { cipherHandlers, dataKeyHandlers } from "./ciphers.ts";
import { kmsContract } from "./contract.ts";
import { grantHandlers } from "./grants.ts";
import { importHandlers } from "./imports.ts";
import { createKeyDirectory } from "./key-directory.ts";
import { policyHandlers } from "./key-policies.ts";
import { keyHandlers } from "./keys.ts";
import { placedOnKeys } from "./placed-policies.ts";
import { secretHandlers, secretValueHandlers } from "./secrets.ts";
import { agreementHandlers, signatureHandlers } from "./signatures.ts";
import type { UseParts } from "./use.ts";
import { type KeptNotes, keepNotes } from "./use-notes.ts";
import { replicaHandlers, rotationHandlers, versionHandlers } from "./versions.ts";

export type Kms = UseParts & {
  readonly database: Database;
  readonly notes: KeptNotes;
  readonly authorizer: Authorizer;
  readonly clock: () => number;
};

/** What the service, its jobs and its other protocols share. */
export function openKms(parts: {
  readonly database: Database;
  readonly keyd: KeydClient;
  readonly region: string;
  readonly authorizer: Authorizer;
  readonly clock: () => number;
}): Kms {
  return { ...parts, directory: createKeyDirectory(parts), notes: keepNotes() };
}

export function kmsService(kms: Kms): Service {
  const handlers = {
    ...keyHandlers(kms, kms.authorizer),
    ...rotationHandlers(kms),
    ...replicaHandlers(kms),
    ...versionHandlers(kms),
    ...cipherHandlers(kms),
    ...dataKeyHandlers(kms),
    ...signatureHandlers(kms),
    ...agreementHandlers(kms),
    ...aliasHandlers(kms),
    ...policyHandlers(kms, kms.authorizer),
    ...grantHandlers(kms),
    ...importHandlers(kms),
    ...secretHandlers(kms),
    ...secretValueHandlers(kms),
  };
  return service(kmsContract, handlers, {
    access: kmsAccess(kms.directory, kms.clock),
    placed: placedOnKeys(kms.directory, kms.clock),
  });
}
