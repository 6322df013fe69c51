/** The parts of a running keyd and how they hang together; not how it is reached. */
import { join } from "node:path";
import { KeydError } from "../../kernel/keyd/protocol.ts";
import { type AccountKeyRing, accountKeyRing } from "./account-keys.ts";
import { type FolderRecord, folderRecord, RECORD_ACCOUNT } from "./folder-record.ts";
import { headRecord } from "./head-record.ts";
import { importTokens } from "./import-tokens.ts";
import { keyVersions } from "./key-versions.ts";
import type { OpenedRoot } from "./open-root.ts";
import { recoveryCopies } from "./recovery-copies.ts";
import { writeRootInUse } from "./root-in-use.ts";
import type { RootKeyProvider } from "./root-provider.ts";
import type { RootSettings } from "./root-settings.ts";

export type Keyd = Awaited<ReturnType<typeof openKeyd>>;

/** `keysFolder` is the data folder's `keys/`; `hardening` is what `health` says of this process. */
export async function openKeyd(parts: {
  readonly keysFolder: string;
  readonly settings: RootSettings;
  readonly opened: OpenedRoot;
  readonly hardening: readonly string[];
  readonly clock: () => number;
}) {
  const { keysFolder, settings, hardening, clock } = parts;
  let opened = parts.opened;
  const provider = (): RootKeyProvider => {
    const { root } = opened;
    const open = root.kind === "device" ? root.provider : root.software.provider;
    if (open !== undefined) return open;
    throw new KeydError("sealed", "The root of trust is sealed: ./cordon keys unseal");
  };
  const accountsFolder = (): string => join(keysFolder, opened.inUse.folder);
  const copies = recoveryCopies(keysFolder);
  const ring: AccountKeyRing = accountKeyRing({
    folder: accountsFolder,
    root: provider,
    record: () => record,
    copies,
  });
  const record: FolderRecord = folderRecord({
    keysFolder,
    accountsFolder,
    counter: () => provider().counter,
    macKey: async () => (await ring.of(RECORD_ACCOUNT, { make: true })).recording,
    clock,
  });
  if (opened.fresh === true) {
    const { counter } = provider();
    if (counter !== undefined) await record.begin(accountsFolder(), counter);
    await writeRootInUse(keysFolder, opened.inUse);
  }
  const versions = keyVersions(ring);
  const heads = headRecord(join(keysFolder, "heads"), ring, record);
  const tokens = await importTokens(join(keysFolder, "used-import-tokens"), ring, clock);
  return {
    keysFolder,
    settings,
    root: () => opened.root,
    inUse: () => opened.inUse,
    /** Another root from now on; the former one is closed. */
    use(next: OpenedRoot): void {
      const before = opened;
      opened = next;
      record.forget();
      closeRoot(before);
    },
    provider,
    ring,
    record,
    copies,
    versions,
    heads,
    tokens,
    hardening,
    clock,
    counts: { uses: 0 },
    async close(): Promise<void> {
      await record.finish().catch(() => {});
      versions.clear();
      ring.clear();
      await tokens.close();
      closeRoot(opened);
    },
  };
}

function closeRoot({ root }: OpenedRoot): void {
  if (root.kind === "device") root.provider.close();
  else root.software.provider?.close();
}
