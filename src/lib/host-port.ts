/** An address as it stands in a URL: IPv6 in brackets (RFC 3986 §3.2.2). */
export function hostPort({ host, port }: { host: string; port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
