/** Every setting there is, by name: what it is for and whether it may be shown. */

export type KnownSetting = {
  readonly name: string;
  readonly about: string;
  /** Its value holds a password or names what must not be copied around. */
  readonly secret?: boolean;
};

const setting = (name: string, about: string, secret = false): KnownSetting => ({
  name: `CORDON_${name}`,
  about,
  ...(secret ? { secret } : {}),
});

export const knownSettings: readonly KnownSetting[] = [
  setting("DATA", "the folder of all state"),
  setting("RUN", "the folder of sockets"),
  setting("CONSOLE_HOST", "address of the console and the API"),
  setting("CONSOLE_PORT", "port of the console and the API"),
  setting("FLEET_HOST", "address that nodes connect to"),
  setting("FLEET_PORT", "port that nodes connect to"),
  setting("GATEWAY_HOST", "address of the gateway"),
  setting("GATEWAY_HTTP_PORT", "port of the gateway for HTTP"),
  setting("GATEWAY_HTTPS_PORT", "port of the gateway for HTTPS"),
  setting("GATEWAY_WORKERS", "processes of the gateway"),
  setting("PKI_HOST", "address of revocation lists and online status"),
  setting("PKI_PORT", "port of revocation lists; unset serves none"),
  setting("PKI_URL", "how relying parties reach revocation lists"),
  setting("ACME_VALIDATION_PORT", "port of HTTP-01 validation"),
  setting("ACME_RESOLVER", "DNS server that validation asks"),
  setting("PRIVATE_TARGETS", "private blocks that may be connected to for an account"),
  setting("DATABASE_URL", "an external PostgreSQL", true),
  setting("LAKE_URL", "an external ClickHouse", true),
  setting("BACKUP_FOLDER", "where backups go that Cordon makes by itself"),
  setting("BACKUP_PASSPHRASE_FILE", "the passphrase that seals them"),
  setting("UPGRADE_WITHOUT_BACKUP", "yes lets an upgrade begin without a backup"),
  setting("REPORT_FONT", "font file with Chinese characters, for reports on paper"),
  setting("REGION", "name of this region in ids of keys"),
  setting("KEYS_ROOT", "software, pkcs11 or tpm"),
  setting("KEYS_PASSPHRASE_FILE", "the passphrase that opens the root"),
  setting("PKCS11_MODULE", "library of the device of the root"),
  setting("PKCS11_TOKEN", "label of the token of the root"),
  setting("PKCS11_PIN_FILE", "the PIN of the token"),
  setting("PKCS11_KEY_ID", "the root key of an empty node that a token holds already"),
  setting("TPM_TCTI", "how the TPM of the root is reached"),
  setting("TPM_PCRS", "PCRs that the root is sealed to"),
  setting("KEYS", "the folder of keys, shared by control planes of one machine"),
  setting("KEYD_SOCKET", "a keyd that another control plane started"),
  setting("METRICS_PORT", "loopback port of Prometheus metrics without a key"),
  setting("OTLP_URL", "where metrics and traces are sent by OTLP/HTTP", true),
  setting("OTLP_HEADERS_FILE", "headers of that sending, with its key"),
  setting("TOKEN", "key of the command line", true),
  setting("PASSWORD", "password that the command line signs in with", true),
  setting("CODE", "second factor that the command line signs in with", true),
];

const NEAR_MAX = 4;

/** The known name that is spelled most alike; undefined when none is near. */
export function nearestSetting(name: string): string | undefined {
  let nearest: string | undefined;
  let least = NEAR_MAX + 1;
  for (const known of knownSettings) {
    const distance = editDistance(name, known.name);
    if (distance >= least) continue;
    nearest = known.name;
    least = distance;
  }
  return nearest;
}

/** Insertions, deletions and exchanges of a letter from one to the other (Levenshtein 1966). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let left = 1; left <= from.length; left += 1) {
    const next = [left];
    for (let right = 1; right <= to.length; right += 1) {
      const same = from[left - 1] === to[right - 1] ? 0 : 1;
      const exchanged = (row[right - 1] ?? 0) + same;
      next.push(Math.min(exchanged, (row[right] ?? 0) + 1, (next[right - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
