/** Networks that a credential may be used from. */
import ipaddr from "ipaddr.js";

/** True for an IPv4 or IPv6 network in CIDR form. */
export function isCidr(text: string): boolean {
  const [address = "", prefix = ""] = text.split("/");
  if (!/^\d{1,3}$/.test(prefix)) return false;
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return Number(prefix) <= 32;
  return ipaddr.IPv6.isValid(address) && !address.includes("%") && Number(prefix) <= 128;
}

/** True when there is no restriction or one of the networks holds the address. */
export function sourceAllowed(cidrs: readonly string[], address: string): boolean {
  if (cidrs.length === 0) return true;
  if (!ipaddr.isValid(address)) return false;
  // An IPv4 client of a dual-stack listener arrives as ::ffff:a.b.c.d.
  const source = ipaddr.process(address);
  return cidrs.some((cidr) => {
    const [network, prefix] = ipaddr.parseCIDR(cidr);
    if (network.kind() !== source.kind()) return false;
    return source.match(network, prefix);
  });
}
