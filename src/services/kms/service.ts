/** The handlers of the key management service, and what its decisions depend on. */
import type { KeydClient } from "../../kernel/keyd/client.ts";
import { type Service, service } from "../../kernel/service.ts";
import type { Database } from "../../kernel/store/database.ts";
import { kmsAccess } from "./access.ts";
import { cipherHandlers, dataKeyHandlers } from "./ciphers.ts";
import { kmsContract } from "./contract.ts";
import { createKeyDirectory } from "./key-directory.ts";
import { keyHandlers } from "./keys.ts";
import { agreementHandlers, signatureHandlers } from "./signatures.ts";
import type { UseParts } from "./use.ts";
import { type KeptNotes, keepNotes } from "./use-notes.ts";
import { replicaHandlers, rotationHandlers, versionHandlers } from "./versions.ts";

export type Kms = UseParts & {
  readonly database: Database;
  readonly notes: KeptNotes;
  readonly clock: () => number;
};

/** What the service, its jobs and its other protocols share. */
export function openKms(parts: {
  readonly database: Database;
  readonly keyd: KeydClient;
  readonly region: string;
  readonly clock: () => number;
}): Kms {
  return { ...parts, directory: createKeyDirectory(parts), notes: keepNotes() };
}

export function kmsService(kms: Kms): Service {
  const handlers = {
    ...keyHandlers(kms),
    ...rotationHandlers(kms),
    ...replicaHandlers(kms),
    ...versionHandlers(kms),
    ...cipherHandlers(kms),
    ...dataKeyHandlers(kms),
    ...signatureHandlers(kms),
    ...agreementHandlers(kms),
  };
  return service(kmsContract, handlers, kmsAccess(kms.directory, kms.clock));
}
