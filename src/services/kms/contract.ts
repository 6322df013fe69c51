/** The key management service: keys that never leave keyd, what is done with them, and secrets. */
import { contract } from "../../kernel/operation.ts";
import { keyOperations } from "./key-contract.ts";
import { kmsProblems } from "./problems.ts";
import {
  agreementOperations,
  cipherOperations,
  dataKeyOperations,
  signatureOperations,
} from "./use-contract.ts";

export const kmsContract = contract({
  service: "kms",
  title: "Keys",
  summary: "Keys that encrypt, sign and authenticate, and secrets under them",
  resources: [
    {
      name: "key",
      idField: "keyId",
      idPrefix: "key",
      titleField: "keyId",
      columns: [
        "keyId",
        "aliases",
        "description",
        "spec",
        "usage",
        "state",
        "currentVersion",
        "nextRotationTime",
        "lastUseTime",
      ],
      list: "listKeys",
      get: "getKey",
      create: "createKey",
      update: "updateKey",
      delete: "scheduleKeyDeletion",
    },
  ],
  operations: {
    ...keyOperations,
    ...cipherOperations,
    ...dataKeyOperations,
    ...signatureOperations,
    ...agreementOperations,
  },
  problems: kmsProblems,
  events: [
    "kms.keyCreated",
    "kms.keyEnabled",
    "kms.keyDisabled",
    "kms.keyDeletionScheduled",
    "kms.keyDeletionCanceled",
    "kms.keyDeleted",
    "kms.keyRotated",
    "kms.keyReplicated",
  ],
});
