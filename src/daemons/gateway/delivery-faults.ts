/** What of a site's delivery cannot be used on this gateway: certificates, keys, addresses. */
import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { SiteDelivery } from "../../kernel/intent/site-delivery.ts";

/** A fault of one field. */
export type DeliveryFault = { readonly field: string; readonly message: string };

/** The faults of a delivery; none when it is absent. */
export function deliveryFaults(delivery: SiteDelivery | undefined): DeliveryFault[] {
  if (delivery === undefined) return [];
  const faults: DeliveryFault[] = [];
  const tryContext = (field: string, options: Parameters<typeof createSecureContext>[0]) => {
    try {
      createSecureContext(options);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      faults.push({ field, message: `Cannot use it: ${why}` });
    }
  };
  const { upstream, upstreamIdentity, tls } = delivery;
  const tryAuthorities = (field: string, pem: string) => {
    const message = pem === "" ? null : authoritiesFault(pem);
    if (message !== null) faults.push({ field, message });
  };
  tryAuthorities("upstream/authoritiesPem", upstream?.authoritiesPem ?? "");
  if (upstreamIdentity !== undefined) {
    const { certificatePem: cert, privateKeyPem: key } = upstreamIdentity;
    if (cert === "") {
      faults.push({ field: "upstreamIdentity", message: "The client certificate is gone" });
    } else tryContext("upstreamIdentity", { cert, key });
  }
  tryAuthorities("tls/clientAuthoritiesPem", tls?.clientAuthoritiesPem ?? "");
  return faults;
}

/** OpenSSL passes over what it cannot read in a bundle, and would trust less than was meant. */
function authoritiesFault(pem: string): string | null {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) return "There is no certificate in it";
  try {
    for (const block of blocks) new X509Certificate(block);
    return null;
  } catch (error) {
    return `Cannot read one of its certificates: ${error}`;
  }
}
