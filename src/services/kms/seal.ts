/** Seals: hashes by which rows that were put back to an older state are noticed. */
import { createHash } from "node:crypto";
import { lengthPrefixed } from "../../engines/keys/canonical.ts";
import { canonicalJson, type KeyRecord } from "./domain.ts";

/**
 * SHA-256 of everything that decides about the use of a key. The head of the account covers the
 * seals of all its keys, so that no row can be put back to what it was.
 */
export function sealOf({ key, versions, grants }: KeyRecord): string {
  const fields = [
    "cordon kms seal 1",
    key.keyId,
    key.materialId,
    key.region,
    key.spec,
    key.usage,
    key.origin,
    key.state,
    key.multiRegion,
    String(key.currentVersion),
    canonicalJson(key.policy),
    canonicalJson(key.tags),
    String(key.rotationPeriodDays),
    key.nextRotationTime ?? "",
    key.deleteTime ?? "",
  ];
  for (const one of versions) {
    fields.push(
      `version ${one.version}`,
      one.state,
      sha256(one.wrapped ?? Buffer.alloc(0)),
      sha256(one.publicKey ?? Buffer.alloc(0)),
      one.materialMark ?? "",
      one.expireTime ?? "",
      one.deleteTime ?? "",
    );
  }
  for (const one of [...grants].sort((a, b) => (a.grantId < b.grantId ? -1 : 1))) {
    const { grantId, grantee, retiring, operations, constraints } = one;
    fields.push(`grant ${grantId}`, grantee, retiring ?? "", operations.join(" "));
    fields.push(canonicalJson(constraints));
  }
  return sha256(lengthPrefixed(fields));
}

/** The hash of an account's head: over every item's name and seal, in order. */
export function headHash(items: readonly { name: string; seal: string }[]): string {
  const sorted = [...items].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sha256(lengthPrefixed(sorted.flatMap(({ name, seal }) => [name, seal])));
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
