/**
 * Why a message is refused, and the status a server answers with. Kinds are stable: events carry
 * them.
 */

/** Each fault kind with its status and the rule it breaks. */
export const faultKinds = {
  startLineTooLong: { status: 414, rule: "RFC 9110 §15.5.15" },
  headTooLarge: { status: 431, rule: "RFC 6585 §5" },
  tooManyFields: { status: 431, rule: "RFC 6585 §5" },
  headTooSlow: { status: 408, rule: "RFC 9110 §15.5.9" },
  truncatedHead: { status: 400, rule: "RFC 9112 §8" },
  leadingGarbage: { status: 400, rule: "RFC 9112 §2.2" },
  bareLf: { status: 400, rule: "RFC 9112 §2.2" },
  bareCr: { status: 400, rule: "RFC 9112 §2.2" },
  nul: { status: 400, rule: "RFC 9110 §5.5" },
  invalidStartLine: { status: 400, rule: "RFC 9112 §3" },
  invalidMethod: { status: 400, rule: "RFC 9110 §9.1" },
  invalidTarget: { status: 400, rule: "RFC 9112 §3.2" },
  unsupportedVersion: { status: 505, rule: "RFC 9112 §2.3" },
  invalidStatus: { status: 400, rule: "RFC 9112 §4" },
  obsFold: { status: 400, rule: "RFC 9112 §5.2" },
  missingColon: { status: 400, rule: "RFC 9112 §5" },
  spaceBeforeColon: { status: 400, rule: "RFC 9112 §5.1" },
  invalidFieldName: { status: 400, rule: "RFC 9110 §5.1" },
  invalidFieldValue: { status: 400, rule: "RFC 9110 §5.5" },
  missingHost: { status: 400, rule: "RFC 9112 §3.2" },
  duplicateHost: { status: 400, rule: "RFC 9112 §3.2" },
  invalidHost: { status: 400, rule: "RFC 9112 §3.2" },
  hostMismatch: { status: 400, rule: "RFC 9112 §3.2.2" },
  duplicateContentLength: { status: 400, rule: "RFC 9112 §6.3" },
  invalidContentLength: { status: 400, rule: "RFC 9110 §8.6" },
  contentLengthWithTransferEncoding: { status: 400, rule: "RFC 9112 §6.1" },
  transferEncodingInHttp10: { status: 400, rule: "RFC 9112 §6.1" },
  unsupportedTransferEncoding: { status: 501, rule: "RFC 9112 §6.1" },
  connectionNominatesFraming: { status: 400, rule: "RFC 9110 §7.6.1" },
  invalidChunkSize: { status: 400, rule: "RFC 9112 §7.1" },
  invalidChunkExtension: { status: 400, rule: "RFC 9112 §7.1.1" },
  chunkLineTooLong: { status: 400, rule: "RFC 9112 §7.1.1" },
  chunkExtensionsTooLarge: { status: 413, rule: "RFC 9112 §7.1.1" },
  invalidChunkEnd: { status: 400, rule: "RFC 9112 §7.1" },
  trailersTooLarge: { status: 431, rule: "RFC 9112 §7.1.2" },
  forbiddenTrailer: { status: 400, rule: "RFC 9110 §6.5.1" },
  invalidPseudoField: { status: 400, rule: "RFC 9113 §8.3" },
  connectionFieldInHttp2: { status: 400, rule: "RFC 9113 §8.2.2" },
  truncatedBody: { status: 400, rule: "RFC 9112 §8" },
} as const;

export type FaultKind = keyof typeof faultKinds;

/** The status a server answers a request with this fault. */
export const statusOfFault = (kind: FaultKind): number => faultKinds[kind].status;
