/** Our problems as the protocol's exceptions, by the names that its clients know. */
const NAMES: Readonly<Record<string, string>> = {
  "kernel.inputInvalid": "ValidationException",
  "kernel.bodyTooLarge": "ValidationException",
  "kernel.unauthenticated": "UnrecognizedClientException",
  "kernel.forbidden": "AccessDeniedException",
  "kernel.mfaEnrollmentRequired": "AccessDeniedException",
  "kernel.freshMfaRequired": "AccessDeniedException",
  "kernel.rateLimited": "ThrottlingException",
  "kernel.conflict": "ConflictException",
  "kernel.auditUnavailable": "DependencyTimeoutException",
  "kernel.databaseUnavailable": "DependencyTimeoutException",
  "kernel.diskFull": "DependencyTimeoutException",
  "kms.keydUnavailable": "DependencyTimeoutException",
  "kms.rolledBack": "KeyUnavailableException",
  "kms.keyNotFound": "NotFoundException",
  "kms.keyVersionNotFound": "NotFoundException",
  "kms.aliasNotFound": "NotFoundException",
  "kms.grantNotFound": "NotFoundException",
  "kms.keyDisabled": "DisabledException",
  "kms.keyStateInvalid": "KMSInvalidStateException",
  "kms.versionStateInvalid": "KMSInvalidStateException",
  "kms.keyUsageInvalid": "InvalidKeyUsageException",
  "kms.algorithmInvalid": "InvalidKeyUsageException",
  "kms.algorithmUnavailable": "UnsupportedOperationException",
  "kms.ciphertextInvalid": "InvalidCiphertextException",
  "kms.keyIncorrect": "IncorrectKeyException",
  "kms.signatureInvalid": "KMSInvalidSignatureException",
  "kms.macInvalid": "KMSInvalidMacException",
  "kms.contextTooLarge": "ValidationException",
  "kms.dataTooLarge": "ValidationException",
  "kms.publicKeyInvalid": "ValidationException",
  "kms.materialInvalid": "InvalidCiphertextException",
  "kms.materialDifferent": "IncorrectKeyMaterialException",
  "kms.importTokenInvalid": "InvalidImportTokenException",
  "kms.importTokenExpired": "ExpiredImportTokenException",
  "kms.aliasExists": "AlreadyExistsException",
  "kms.aliasUnfit": "KMSInvalidStateException",
  "kms.replicaExists": "AlreadyExistsException",
  "kms.policyInvalid": "MalformedPolicyDocumentException",
  "kms.policyLocksOut": "MalformedPolicyDocumentException",
  "kms.grantInvalid": "ValidationException",
  "kms.aliasNameInvalid": "InvalidAliasNameException",
  "kms.grantIdInvalid": "InvalidGrantIdException",
  "kms.grantTokenInvalid": "InvalidGrantTokenException",
  "kms.expireTimeInvalid": "ValidationException",
  "kms.limitReached": "LimitExceededException",
  "kms.dryRun": "DryRunOperationException",
  "kms.arnInvalid": "InvalidArnException",
  "kms.markerInvalid": "InvalidMarkerException",
  "kms.commandUnknown": "UnknownOperationException",
  "kms.commandUnsupported": "UnsupportedOperationException",
};

/** The exception of a problem's reason. */
export function exceptionOf(reason: string): string {
  return NAMES[reason] ?? "KMSInternalException";
}

/** 400 for what is the caller's fault; 5xx, which the protocol's clients repeat, for ours. */
export function statusOf(code: number): number {
  return code >= 500 && code !== 501 ? code : 400;
}
