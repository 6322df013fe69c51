/** What the service refuses with. */
import type { ProblemDeclaration } from "../../kernel/operation.ts";

const state = (message: string, fix: string): ProblemDeclaration => ({ code: 409, message, fix });
const wrong = (message: string, fix: string): ProblemDeclaration => ({ code: 400, message, fix });
const missing = (what: string, list: string): ProblemDeclaration => ({
  code: 404,
  message: `There is no such ${what}`,
  fix: `List them: ./cordon kms ${list}`,
});

export const kmsProblems = {
  "kms.keyNotFound": missing("key", "list-keys"),
  "kms.keyVersionNotFound": missing("version of this key", "list-key-versions"),
  "kms.aliasNotFound": missing("alias", "list-aliases"),
  "kms.grantNotFound": missing("grant", "list-grants"),
  "kms.secretNotFound": missing("secret", "list-secrets"),
  "kms.secretVersionNotFound": missing("version of this secret", "list-secret-versions"),
  "kms.keyDisabled": state("The key is disabled", "Enable the key, then repeat"),
  "kms.keyStateInvalid": state(
    "The key is not in a state in which this can be done",
    "Look at the key's state: a waiting deletion can be canceled, missing material imported",
  ),
  "kms.versionStateInvalid": state(
    "The version of the key is not in a state in which this can be done",
    "List the versions; the current one can neither be disabled nor deleted: rotate first",
  ),
  "kms.keyUsageInvalid": wrong(
    "The key's usage, spec or origin does not fit this operation",
    "Use a key made for it; usage and spec are fixed when a key is created",
  ),
  "kms.algorithmInvalid": wrong(
    "The key does not work with this algorithm",
    "The key's `algorithms` says which there are; PKCS #1 v1.5 encryption is never on",
  ),
  "kms.algorithmUnavailable": {
    code: 501,
    message: "This machine does not offer the algorithm",
    fix: "./cordon doctor says which library is missing",
  },
  "kms.ciphertextInvalid": wrong(
    "The ciphertext does not open",
    "Use the ciphertext unchanged, with the same encryption context, key and algorithm",
  ),
  "kms.keyIncorrect": wrong(
    "The ciphertext was made under another key",
    "Leave the key out or name the one that encrypted",
  ),
  "kms.signatureInvalid": wrong(
    "The signature does not belong to this message, key and algorithm",
    "Check message, message type and algorithm",
  ),
  "kms.macInvalid": wrong(
    "The authentication code does not belong to this message and key",
    "Check the message and that the code is whole",
  ),
  "kms.contextTooLarge": wrong(
    "The encryption context is larger than 8 KiB",
    "Put names and values of at most 8,192 bytes together",
  ),
  "kms.dataTooLarge": wrong(
    "The data do not fit the key and algorithm",
    "Encrypt a data key instead, and the data under it",
  ),
  "kms.publicKeyInvalid": wrong(
    "That is no public key on the same named curve",
    "Send SubjectPublicKeyInfo in DER, with the curve named, of the key's own curve",
  ),
  "kms.materialInvalid": wrong(
    "The key material does not unwrap, or is not what the key's spec says",
    "Wrap the raw bytes (PKCS #8 in DER for a private key) with the algorithm you name",
  ),
  "kms.materialDifferent": wrong(
    "The material is not what this key had before",
    "Bring in the same material, or bring it in as a new version",
  ),
  "kms.importTokenInvalid": wrong(
    "The import token is of another key, or was used before",
    "Get new import parameters",
  ),
  "kms.importTokenExpired": wrong("The import token has expired", "Get new import parameters"),
  "kms.aliasExists": state("The alias exists already", "Update it, or take another name"),
  "kms.aliasUnfit": wrong(
    "The alias cannot move to that key",
    "Both keys must have the same usage and kind of spec",
  ),
  "kms.replicaExists": state("The key has a replica there already", "Use the one it has"),
  "kms.policyInvalid": wrong(
    "The key policy has faults",
    "Mend what the details name by path; docs/keys.md shows a policy",
  ),
  "kms.policyLocksOut": wrong(
    "After this change you could not change the key's policy any more",
    "Let a statement allow you kms:PutKeyPolicy, or confirm the lock-out",
  ),
  "kms.grantInvalid": wrong(
    "The grant names operations that the key cannot do, or both constraints at once",
    "Name operations that fit the key's usage, and one constraint",
  ),
  "kms.aliasNameInvalid": wrong(
    "That is no name of an alias",
    "Write alias/ and 1 to 250 letters, digits, slashes, dashes or underscores; not alias/aws/",
  ),
  "kms.grantIdInvalid": wrong("That is no id of a grant", "Ids of grants look like grt-xxxxxxxxxx"),
  "kms.grantTokenInvalid": wrong(
    "That is no token of a grant",
    "Send the token that creating the grant answered, or the grant's id",
  ),
  "kms.expireTimeInvalid": wrong(
    "The end of validity is not in the future",
    "Send a later time, or none",
  ),
  "kms.secretValueMissing": wrong(
    "The secret has no value, and nothing says how to make one",
    "Send a value, or `generate` with the number of characters and their alphabet",
  ),
  "kms.limitReached": {
    code: 429,
    message: "The account has as many of these as it may have",
    fix: "Delete what is no longer used",
  },
  "kms.secretNameTaken": state("Another secret has this name", "Take another name"),
  "kms.secretStateInvalid": state(
    "The secret, or this version of it, is disabled or waits for deletion",
    "Enable it or restore it first",
  ),
  "kms.arnInvalid": wrong(
    "That is no ARN of a key or alias",
    "Write arn:aws:kms:<region>:<account>:key/<id>, or only the id, or alias/<name>",
  ),
  "kms.markerInvalid": wrong(
    "That is no marker of a list",
    "Send the NextMarker of the last answer",
  ),
  "kms.commandUnknown": wrong(
    "There is no such command in the protocol",
    "docs/keys.md has the list of commands",
  ),
  "kms.commandUnsupported": wrong(
    "Cordon does not do this command, or this part of it",
    "docs/keys.md says which and why",
  ),
  "kms.dryRun": {
    code: 412,
    message: "The request would have succeeded; it was a dry run",
    fix: "Send it without dryRun",
  },
  "kms.rolledBack": {
    code: 503,
    message: "The database shows an older or another state of the keys than keyd recorded",
    fix: "Restore the newest database; or accept this one: ./cordon keys accept-restored",
  },
  "kms.keydUnavailable": {
    code: 503,
    message: "The process that holds the keys does not answer or is sealed",
    fix: "./cordon status shows its state; ./cordon keys unseal opens a sealed root",
  },
} as const satisfies Record<string, ProblemDeclaration>;
