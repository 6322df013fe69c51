/** Making, importing and looking at keys. */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { KeyBinding } from "../../engines/keys/binding.ts";
import { lengthPrefixed } from "../../engines/keys/canonical.ts";
import { KeydError, type WrappingAlgorithm } from "../../kernel/keyd/protocol.ts";
import type { KeyVersion } from "./key-versions.ts";
import type { Keyd } from "./keyd.ts";
import {
  checkedMaterial,
  dropMaterial,
  generateMaterial,
  holdMaterial,
  isSymmetric,
} from "./material.ts";
import { takeRandom } from "./random-pool.ts";
import {
  type Answer,
  bindingOf,
  idOf,
  integerOf,
  type Operation,
  partOf,
  refusedInput,
  textOf,
} from "./request.ts";

const RANDOM_BYTES_MAX = 1_024;
const IMPORT_DAYS_MAX_MS = 7 * 86_400_000;

const WRAPPING: readonly WrappingAlgorithm[] = [
  "RSAES_OAEP_SHA_1",
  "RSAES_OAEP_SHA_256",
  "RSA_AES_KEY_WRAP_SHA_1",
  "RSA_AES_KEY_WRAP_SHA_256",
];

export function keyOperations(keyd: Keyd): Readonly<Record<string, Operation>> {
  return {
    generateKey: async ({ header }) => {
      const binding = bindingOf(header);
      keyd.provider();
      return wrapNew(keyd, binding, await generateMaterial(binding.algorithm));
    },
    importKey: async (request) => {
      const binding = bindingOf(request.header);
      const form = textOf(request.header, "form");
      const bytes = checkedMaterial(binding.algorithm, form, partOf(request, 0));
      return wrapNew(keyd, binding, bytes);
    },
    importParameters: async ({ header }) => {
      const target = { account: idOf(header, "account"), key: idOf(header, "key") };
      const nowMs = keyd.clock();
      const range = { min: nowMs, max: nowMs + IMPORT_DAYS_MAX_MS };
      const expireTimeMs = integerOf(header, "expireTimeMs", range);
      const spec = textOf(header, "wrappingKeySpec");
      const { token, publicKey } = await keyd.tokens.make(target, { spec, expireTimeMs });
      return { parts: [token, publicKey] };
    },
    importWrapped: async (request) => {
      const binding = bindingOf(request.header);
      const algorithm = WRAPPING.find((name) => name === request.header.wrappingAlgorithm);
      if (algorithm === undefined) throw refusedInput("There is no such wrapping algorithm");
      const [token, wrapped] = [partOf(request, 0), partOf(request, 1)];
      const opened = await keyd.tokens.unwrap(binding, { token, material: wrapped, algorithm });
      const form = isSymmetric(binding.algorithm) ? "raw" : "pkcs8";
      let bytes: Buffer;
      try {
        bytes = checkedMaterial(binding.algorithm, form, opened.material);
      } finally {
        opened.material.fill(0);
      }
      // Used up before the answer: a crash between costs the caller a new token, never a replay.
      await opened.useUp();
      return wrapNew(keyd, binding, bytes);
    },
    publicKey: (request) =>
      withKey(keyd, request, ({ material }) => {
        if (material.spki === undefined) {
          throw new KeydError("algorithmInvalid", "A symmetric key has no public half");
        }
        return { parts: [Buffer.from(material.spki)] };
      }),
    sameMaterial: async (request) => {
      const other = await openKey(keyd, bindingOf(request.header, "to"), partOf(request, 1));
      const right = bytesOf(other);
      const one = await openKey(keyd, bindingOf(request.header), partOf(request, 0));
      const left = bytesOf(one);
      const equal = left.length === right.length && timingSafeEqual(left, right);
      return { header: { equal } };
    },
    materialMark: async (request) => {
      const binding = bindingOf(request.header);
      const version = await openKey(keyd, binding, partOf(request, 0));
      const keys = await keyd.ring.of(binding.account, { make: false });
      const bytes = lengthPrefixed(["cordon material mark", bytesOf(version)]);
      const mark = createHmac("sha256", keys.recording).update(bytes).digest("hex");
      bytes.fill(0);
      return { header: { mark } };
    },
    rebind: async (request) => {
      const to = bindingOf(request.header, "to");
      const version = await openKey(keyd, bindingOf(request.header), partOf(request, 0));
      const { algorithm, usage } = version.binding;
      if (to.algorithm !== algorithm || to.usage !== usage) {
        throw refusedInput("A key is bound again for the same spec and usage only");
      }
      return wrapNew(keyd, to, Buffer.from(bytesOf(version)));
    },
    usesOf: ({ header }) => ({ header: { uses: keyd.versions.usesOf(bindingOf(header)) } }),
    random: ({ header }) => {
      const bytes = integerOf(header, "bytes", { min: 1, max: RANDOM_BYTES_MAX });
      return { parts: [takeRandom(bytes)] };
    },
  };
}

/** Wraps new material, gives its public half, and clears it. */
export async function wrapNew(keyd: Keyd, binding: KeyBinding, bytes: Buffer): Promise<Answer> {
  try {
    const wrapped = await keyd.versions.wrap(binding, bytes);
    if (isSymmetric(binding.algorithm)) return { parts: [wrapped] };
    const material = holdMaterial(binding.algorithm, Buffer.from(bytes));
    const spki = Buffer.from(material.spki ?? []);
    dropMaterial(material);
    return { parts: [wrapped, spki] };
  } finally {
    bytes.fill(0);
  }
}

export async function openKey(keyd: Keyd, binding: KeyBinding, wrapped: Buffer) {
  keyd.counts.uses += 1;
  return keyd.versions.inMemory(binding, wrapped) ?? (await keyd.versions.open(binding, wrapped));
}

/** Runs on the key of a request; without a promise when the key is in memory. */
export function withKey(
  keyd: Keyd,
  request: { header: Readonly<Record<string, unknown>>; parts: readonly Buffer[] },
  run: (version: KeyVersion) => Answer,
): Answer | Promise<Answer> {
  const binding = bindingOf(request.header);
  const wrapped = partOf(request, 0);
  keyd.counts.uses += 1;
  const version = keyd.versions.inMemory(binding, wrapped);
  return version === undefined ? keyd.versions.open(binding, wrapped).then(run) : run(version);
}

function bytesOf({ material }: KeyVersion): Buffer {
  const bytes = material.secret ?? material.pkcs8 ?? material.spki;
  if (bytes === undefined) throw new Error("The key has no bytes");
  return bytes;
}
