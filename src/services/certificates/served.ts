/** Asks a gateway for the certificate it serves, as any client would. */
import { connect } from "node:tls";
import { limits } from "./domain.ts";

const TIMEOUT_MS = 3_000;

/** Fingerprints (SHA-256, hex) that connections for these names got; null where none came. */
export async function servedFingerprints(
  place: { readonly host: string; readonly httpsPort: number },
  names: readonly string[],
): Promise<{ served: (string | null)[]; fault: string }> {
  const served: (string | null)[] = [];
  let fault = "";
  for (const name of names) {
    for (let turn = 0; turn < limits.verifyConnections; turn += 1) {
      const answer = await fingerprintOf(place, name);
      served.push(answer.fingerprint);
      if (answer.fingerprint === null) {
        fault = answer.fault;
        break;
      }
    }
  }
  return { served, fault };
}

function fingerprintOf(
  { host, httpsPort }: { host: string; httpsPort: number },
  servername: string,
): Promise<{ fingerprint: string | null; fault: string }> {
  return new Promise((resolve) => {
    // Whatever is served is to be seen; nothing is sent over this connection.
    const socket = connect({ host, port: httpsPort, servername, rejectUnauthorized: false });
    const end = (fingerprint: string | null, fault: string) => {
      socket.destroy();
      resolve({ fingerprint, fault });
    };
    socket.setTimeout(TIMEOUT_MS, () => end(null, `${servername}: no answer in ${TIMEOUT_MS} ms`));
    socket.once("secureConnect", () => {
      const { fingerprint256 = "" } = socket.getPeerCertificate();
      end(fingerprint256.replaceAll(":", "").toLowerCase(), "");
    });
    socket.once("error", (error) => end(null, `${servername}: ${error.message}`));
  });
}
