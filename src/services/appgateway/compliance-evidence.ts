/**
 * What a compliance result says was seen, as texts with places for what was seen. They are data
 * of their own so that they can be told in another language.
 */

export const evidenceTexts = {
  noAnswer: "no answer",
  noHttps: "HTTPS was not reached",
  noHttp: "port 80 does not answer",
  notSent: "it is not sent",
  fieldNotSent: "{field} is not sent",
  neitherField: "neither field says so",
  versionAccepted: "TLS {version} is accepted",
  versionRefused: "TLS {version} is refused",
  trusted: "{subject}: trusted, {days} days left",
  untrusted: "{subject}: {fault}, {days} days left",
  noBanner: "none does",
  cookiesComplete: "every cookie of the page, or there is none",
  cookieLacks: "{cookie} lacks {attributes}",
  answeredWith: "it was answered with {status}",
  methodsNotNamed: "status {status}, and no methods are named",
  noOtherOrigin: "no other origin is allowed",
  originAllowed: "allowed: {origin}",
  status: "status {status}",
  noContent: "there was no content",
  eachOnce: "each is",
  listed: "{paths}: listed",
  notListed: "{paths}: not listed",
} as const;

export type EvidenceKey = keyof typeof evidenceTexts;

/** A text with its places filled in. */
export function evidenceOf(
  key: EvidenceKey,
  values: Readonly<Record<string, string | number>> = {},
): string {
  return evidenceTexts[key].replace(/\{(\w+)\}/g, (place, name: string) =>
    String(values[name] ?? place),
  );
}
