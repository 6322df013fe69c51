/** Titles of operations from their names. */
const ACRONYMS =
  /\b(?:acme|api|aws|ca|dns|http|ip|json|kms|mfa|ocsp|oidc|pki|scim|sm2|smtp|tls|url)\b/g;

/** "createJoinToken" → "Create join token"; "createAcmeProvider" → "Create ACME provider". */
export function titleOfKey(key: string): string {
  const words = key
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace(ACRONYMS, (word) => word.toUpperCase())
    .replace("pkcs12", "PKCS #12 file");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
