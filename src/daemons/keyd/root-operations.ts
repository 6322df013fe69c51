/** Health, unsealing, recovery shares, keys of backups, and the record of accounts' heads. */
import { createHash, timingSafeEqual } from "node:crypto";
import { FILE_KEY_BYTES } from "../../engines/age/header.ts";
import { rootStanzaAad } from "../../engines/age/stanzas.ts";
import {
  combineShares,
  SHARES_MAX,
  splitSecret,
  THRESHOLD_MIN,
} from "../../engines/keys/shamir.ts";
import { type Head, KeydError, type KeydHealth } from "../../kernel/keyd/protocol.ts";
import { messageOf } from "../../kernel/process/text.ts";
import { RECORD_ACCOUNT } from "./folder-record.ts";
import { isHead } from "./head-record.ts";
import type { Keyd } from "./keyd.ts";
import { keksOf, moveRoot, recoverFromCopies } from "./move-root.ts";
import { opensslAvailable } from "./openssl.ts";
import { takeRandom } from "./random-pool.ts";
import { type Fields, idOf, integerOf, type Operation, partOf, refusedInput } from "./request.ts";
import type { RootKind } from "./root-provider.ts";
import type { SoftwareRoot } from "./software-root.ts";

/** Wrong passphrases and shares, after which each further one must wait. */
const REFUSALS_FREE = 3;
const REFUSAL_WAIT_MS = 5_000;

const ROOT_KINDS: readonly RootKind[] = ["software", "pkcs11", "tpm"];

const FAULTS = {
  form: "is not a share of Cordon",
  checksum: "has a typing error",
  foreign: "belongs to another set of shares",
  repeated: "was given twice",
  tooFew: "is missing: more shares are needed",
} as const;

export function rootOperations(keyd: Keyd): Readonly<Record<string, Operation>> {
  const guarded = refusalGuard(keyd.clock);
  return {
    health: async () => ({ header: { health: await healthOf(keyd) } }),
    unseal: (request) =>
      guarded(async () => {
        const root = keyd.root();
        if (root.kind === "device") await root.provider.retry?.();
        else await root.software.unseal(partOf(request, 0));
        return {};
      }),
    moveRoot: (request) =>
      guarded(async () => {
        const kind = ROOT_KINDS.find((known) => known === request.header.to);
        if (kind === undefined) throw refusedInput(`to is one of ${ROOT_KINDS.join(", ")}`);
        return { header: { accounts: await moveRoot(keyd, kind) } };
      }),
    setPassphrase: (request) =>
      guarded(async () => {
        await software(keyd).setPassphrase(partOf(request, 0), partOf(request, 1));
        return {};
      }),
    recoveryShares: (request) =>
      guarded(async () => {
        const { header } = request;
        const range = { min: THRESHOLD_MIN, max: SHARES_MAX };
        const shares = integerOf(header, "shares", range);
        const threshold = integerOf(header, "threshold", { min: THRESHOLD_MIN, max: shares });
        const secret = await secretForShares(keyd, partOf(request, 0));
        const texts = splitSecret(secret, { threshold, shares }, takeRandom);
        secret.fill(0);
        return { parts: texts.map((text) => Buffer.from(text, "latin1")) };
      }),
    recover: (request) =>
      guarded(async () => {
        const texts = request.parts.slice(1, SHARES_MAX + 2).map((text) => text.toString("latin1"));
        const result = combineShares(texts);
        if ("fault" in result) {
          const message = `Share ${result.at + 1} ${FAULTS[result.fault]}`;
          throw new KeydError("unsealRefused", message);
        }
        const passphrase = partOf(request, 0);
        const { secret } = result;
        if (keyd.root().kind === "device") await recoverFromCopies(keyd, { secret, passphrase });
        else await software(keyd).recover(secret, passphrase);
        return {};
      }),
    /** The operator's override after a restore, kept in a file. */
    acceptRestored: async () => {
      await keyd.record.accept();
      return {};
    },
    /**
     * Under the root itself, so that a backup opens with nothing but the root or its shares. What
     * follows is a copy of the keys folder: its record is closed, so that a node restored from it
     * needs nobody's word while nothing has changed since.
     */
    wrapBackupKey: async (request) => {
      await keyd.record.finish();
      return { parts: [await keyd.provider().wrap(backupKeyOf(request), rootStanzaAad)] };
    },
    unwrapBackupKey: async (request) => {
      const fileKey = await keyd.provider().unwrap(partOf(request, 0), rootStanzaAad);
      if (fileKey !== undefined) return { parts: [fileKey] };
      throw new KeydError("ciphertextInvalid", "The backup was made under another root");
    },
    ...headOperations(keyd),
  };
}

/**
 * What is split: a software root itself, or the key of the copies that a device's root has for
 * this purpose. Who asks knows the passphrase, or the PIN of the token.
 */
async function secretForShares(keyd: Keyd, phrase: Buffer): Promise<Buffer> {
  if (keyd.root().kind === "software") return software(keyd).reveal(phrase);
  const { pkcs11 } = keyd.settings;
  if (keyd.inUse().kind === "pkcs11" && pkcs11 !== undefined) {
    const pin = await pkcs11.pin();
    const right = timingSafeEqual(digestOf(pin), digestOf(phrase));
    pin.fill(0);
    if (!right) throw new KeydError("unsealRefused", "That is not the PIN of the token");
  }
  await keyd.record.check();
  await keyd.ring.of(RECORD_ACCOUNT, { make: true });
  return keyd.ring.whileStill(() => keyd.copies.renew(keksOf(keyd)));
}

const digestOf = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest();

/** Counts refusals and slows down who guesses. One attempt at a time. */
function refusalGuard(clock: () => number) {
  let refusals = 0;
  let notBeforeMs = 0;
  let busy = false;
  return async <Result>(attempt: () => Promise<Result>): Promise<Result> => {
    if (busy || clock() < notBeforeMs) {
      throw new KeydError("unsealRefused", "Too many attempts: wait some seconds");
    }
    busy = true;
    try {
      const result = await attempt();
      refusals = 0;
      return result;
    } catch (error) {
      refusals += 1;
      if (refusals >= REFUSALS_FREE) notBeforeMs = clock() + REFUSAL_WAIT_MS;
      throw error;
    } finally {
      busy = false;
    }
  };
}

function software(keyd: Keyd): SoftwareRoot {
  const root = keyd.root();
  if (root.kind === "software") return root.software;
  throw refusedInput("The root is a device: it has no passphrase and no shares of Cordon's");
}

async function healthOf(keyd: Keyd): Promise<KeydHealth> {
  const { hardening, counts, versions } = keyd;
  const root = keyd.root();
  const device = root.kind === "device";
  const provider = device ? root.provider : root.software.provider;
  let fault = provider === undefined ? "it waits for ./cordon keys unseal" : "";
  await provider?.health().catch((error: unknown) => {
    fault = messageOf(error);
  });
  let state: KeydHealth["state"] = fault === "" ? "ready" : "sealed";
  if (provider !== undefined && fault !== "") state = "unavailable";
  if (state === "ready") {
    await keyd.record.check().catch((error: unknown) => {
      fault = messageOf(error);
      const old = error instanceof KeydError && error.reason === "rolledBack";
      state = old ? "rolledBack" : "unavailable";
    });
  }
  return {
    state,
    stateReason: fault,
    rollbackProtection: provider?.counter?.where ?? "",
    root: keyd.inUse().kind,
    rootProtection: device ? root.provider.protection : root.software.protection(),
    smAlgorithms: opensslAvailable(),
    hardening,
    uses: counts.uses,
    cachedKeys: versions.count(),
  };
}

function backupKeyOf(request: Parameters<Operation>[0]): Buffer {
  const fileKey = partOf(request, 0);
  if (fileKey.length === FILE_KEY_BYTES) return fileKey;
  throw refusedInput(`The key of a backup has ${FILE_KEY_BYTES} bytes`);
}

function headOperations(keyd: Keyd): Readonly<Record<string, Operation>> {
  const { heads } = keyd;
  return {
    checkHead: async ({ header }) => {
      await heads.check(idOf(header, "account"), headOf(header, "head"));
      return {};
    },
    advanceHead: async ({ header }) => {
      const step = { from: headOf(header, "from"), to: headOf(header, "to") };
      await heads.advance(idOf(header, "account"), step);
      return {};
    },
    confirmHead: async ({ header }) => {
      await heads.confirm(idOf(header, "account"), headOf(header, "head"));
      return {};
    },
    forceHead: async ({ header }) => {
      const [account, head] = [idOf(header, "account"), headOf(header, "head")];
      console.error(`keyd: head of ${account} forced to epoch ${head.epoch}`);
      await heads.force(account, head);
      return {};
    },
    listHeads: async () => ({ header: { heads: await heads.list() } }),
    shredAccount: async ({ header }) => {
      const account = idOf(header, "account");
      keyd.versions.clear(account);
      await keyd.ring.shred(account);
      await heads.forget(account);
      return {};
    },
  };
}

function headOf(header: Fields, name: string): Head {
  const value = header[name];
  if (isHead(value)) return { epoch: value.epoch, hash: value.hash };
  throw refusedInput(`${name} must be {epoch, hash}, the hash 64 hexadecimal digits`);
}
