/** The parts of a running keyd and how they hang together; not how it is reached. */
import { join } from "node:path";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { accountKeyRing } from "./account-keys.ts";
import { headRecord } from "./head-record.ts";
import { importTokens } from "./import-tokens.ts";
import { keyVersions } from "./key-versions.ts";
import type { RootKeyProvider } from "./root-provider.ts";
import type { SoftwareRoot } from "./software-root.ts";

/** A root is a software root, which may be sealed, or a device. */
export type Root =
  | { readonly kind: "software"; readonly software: SoftwareRoot }
  | { readonly kind: "device"; readonly provider: RootKeyProvider };

export type Keyd = Awaited<ReturnType<typeof openKeyd>>;

/** `folder` is the data folder's `keys/`; `hardening` is what `health` says of this process. */
export async function openKeyd(parts: {
  readonly folder: string;
  readonly root: Root;
  readonly hardening: readonly string[];
  readonly clock: () => number;
}) {
  const { folder, root, hardening, clock } = parts;
  const provider = (): RootKeyProvider => {
    const open = root.kind === "device" ? root.provider : root.software.provider;
    if (open !== undefined) return open;
    throw new KeydError("sealed", "The root of trust is sealed: ./cordon keys unseal");
  };
  const ring = accountKeyRing(join(folder, "accounts"), provider);
  const versions = keyVersions(ring);
  const heads = headRecord(join(folder, "heads"), ring);
  const tokens = await importTokens(join(folder, "used-import-tokens"), ring, clock);
  return {
    root,
    provider,
    ring,
    versions,
    heads,
    tokens,
    hardening,
    clock,
    counts: { uses: 0 },
    async close(): Promise<void> {
      versions.clear();
      ring.clear();
      await tokens.close();
      if (root.kind === "device") root.provider.close();
      else root.software.provider?.close();
    },
  };
}
