/**
 * The root in a PKCS #11 device: an AES-256 key that was made there and cannot leave. Keys of
 * accounts are encrypted by the device itself with AES-GCM (`nonce (12) | ciphertext | tag (16)`).
 */
import { randomBytes } from "node:crypto";
import { KeydError } from "../../../kernel/keyd/protocol.ts";
import type { MonotonicCounter, RootKeyProvider } from "../root-provider.ts";
import {
  type Attribute,
  CKA,
  CKM,
  CKO,
  CKR,
  flag,
  type Handle,
  Pkcs11Error,
  readUlong,
  ulong,
} from "./library.ts";
import { openToken, type Session, serialOf, type TokenSettings } from "./token.ts";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ID_BYTES = 16;
const KEY_BYTES = 32;
const COUNTER_BYTES = 8;
/** Objects looked at: two counters after a crash, or a key that is there twice. */
const FOUND_MAX = 8;
const RANDOM_BYTES_MAX = 1_024;
const LABEL = Buffer.from("cordon root", "utf8");
const COUNTER_LABEL = Buffer.from("cordon counter", "utf8");

/** What must be so of a key that is said never to have left the device. */
const PROMISES: readonly (readonly [name: string, type: number, value: boolean])[] = [
  ["CKA_SENSITIVE", CKA.SENSITIVE, true],
  ["CKA_EXTRACTABLE", CKA.EXTRACTABLE, false],
  ["CKA_ALWAYS_SENSITIVE", CKA.ALWAYS_SENSITIVE, true],
  ["CKA_NEVER_EXTRACTABLE", CKA.NEVER_EXTRACTABLE, true],
  ["CKA_LOCAL", CKA.LOCAL, true],
];

export type Pkcs11Root = RootKeyProvider & { readonly keyId: string };

/**
 * Opens the root key with this CKA_ID, or makes one when none is given. It is tried out before
 * it is believed: a round trip, and two that must fail.
 *
 * @throws KeydError unavailable when the device does not answer or the key is not there.
 */
export async function openPkcs11Root(
  settings: TokenSettings,
  given: { keyId: string | undefined },
): Promise<Pkcs11Root> {
  const token = openToken(settings);
  const keyId = given.keyId ?? randomBytes(ID_BYTES).toString("hex");
  let key: Handle = 0;
  let make = given.keyId === undefined;
  let serial = "";
  token.onOpen = async (session) => {
    if (make) await makeRoot(session, keyId);
    make = false;
    key = await findOne(session, idTemplate(keyId, CKO.SECRET_KEY));
    await checkPromises(session, key);
    serial = await serialOf(session);
  };
  const root: Pkcs11Root = {
    name: "pkcs11",
    keyId,
    get protection() {
      return (
        `AES-256 key ${keyId} in token "${settings.label}" (serial ${serial || "not read yet"}), made ` +
        "there and not extractable; opened by the PIN"
      );
    },
    wrap: (plaintext, aad) =>
      token.use(async (session) => encrypt(session, { key, plaintext, aad })),
    unwrap: (wrapped, aad) => token.use(async (session) => decrypt(session, { key, wrapped, aad })),
    random: (bytes) => token.use((session) => randomOf(session, bytes)),
    health: async () => {
      await token.use((session) => serialOf(session));
    },
    retry: async () => {
      token.retryPin();
      await root.health();
    },
    counter: counterOf(token.use, keyId),
    close: () => token.close(),
  };
  return root;
}

/** Wraps, unwraps, and makes sure that a changed byte and another AAD are noticed. */
export async function tryOutRoot(root: RootKeyProvider): Promise<void> {
  const [plaintext, aad] = [randomBytes(KEY_BYTES), Buffer.from("cordon try-out")];
  const wrapped = await root.wrap(plaintext, aad);
  const changed = Buffer.from(wrapped);
  changed[NONCE_BYTES] = (changed[NONCE_BYTES] ?? 0) ^ 1;
  const right = (await root.unwrap(wrapped, aad))?.equals(plaintext) === true;
  const noticed =
    (await root.unwrap(changed, aad)) === undefined &&
    (await root.unwrap(wrapped, Buffer.from("another"))) === undefined;
  if (right && noticed) return;
  const why = right ? "does not notice changed bytes" : "does not give back what it encrypted";
  throw new KeydError("unavailable", `Cannot use the device as the root: its AES-GCM ${why}`);
}

function idTemplate(keyId: string, objectClass: number): readonly Attribute[] {
  return [
    [CKA.CLASS, ulong(objectClass)],
    [CKA.ID, Buffer.from(keyId, "hex")],
  ];
}

/** Data objects have no CKA_ID; the label carries it. */
function counterTemplate(keyId: string): readonly Attribute[] {
  return [
    [CKA.CLASS, ulong(CKO.DATA)],
    [CKA.LABEL, Buffer.concat([COUNTER_LABEL, Buffer.from(` ${keyId}`)])],
  ];
}

async function makeRoot(session: Session, keyId: string): Promise<void> {
  const { library, handle } = session;
  const ours: readonly Attribute[] = [
    ...idTemplate(keyId, CKO.SECRET_KEY),
    [CKA.TOKEN, flag(true)],
    [CKA.PRIVATE, flag(true)],
    [CKA.SENSITIVE, flag(true)],
    [CKA.EXTRACTABLE, flag(false)],
    [CKA.ENCRYPT, flag(true)],
    [CKA.DECRYPT, flag(true)],
    [CKA.WRAP, flag(false)],
    [CKA.UNWRAP, flag(false)],
    [CKA.SIGN, flag(false)],
    [CKA.VERIFY, flag(false)],
    [CKA.VALUE_LEN, ulong(KEY_BYTES)],
    [CKA.LABEL, LABEL],
  ];
  const mechanism = library.mechanism({ type: CKM.AES_KEY_GEN });
  const key = library.attributes(ours);
  await library.call("C_GenerateKey", handle, mechanism, key, key.length, [0]);
  await makeCounter(session, keyId, 1);
}

async function findAll(
  { library, handle }: Session,
  template: readonly Attribute[],
): Promise<readonly Handle[]> {
  const wanted = library.attributes(template);
  await library.call("C_FindObjectsInit", handle, wanted, wanted.length);
  const found = Buffer.alloc(8 * FOUND_MAX);
  const count = [0];
  try {
    await library.call("C_FindObjects", handle, found, FOUND_MAX, count);
  } finally {
    await library.call("C_FindObjectsFinal", handle);
  }
  return Array.from({ length: Number(count[0]) }, (_, at) => readUlong(found, at));
}

async function findOne(session: Session, template: readonly Attribute[]): Promise<Handle> {
  const [only, ...others] = await findAll(session, template);
  if (only !== undefined && others.length === 0) return only;
  const why = only === undefined ? "is not in the token" : "is there twice";
  throw new KeydError("unavailable", `Cannot use the device: the root of this data folder ${why}`);
}

async function checkPromises({ library, handle }: Session, key: Handle): Promise<void> {
  const values = PROMISES.map(() => flag(false));
  const wanted = library.attributes(
    PROMISES.map(([, type], at) => [type, values[at] ?? flag(false)]),
  );
  await library.call("C_GetAttributeValue", handle, key, wanted, wanted.length);
  for (const [at, [name, , right]] of PROMISES.entries()) {
    if ((values[at]?.[0] === 1) === right) continue;
    const wrong = right ? "false" : "true";
    const message = `Cannot use the root in the device: its ${name} is ${wrong}`;
    throw new KeydError("unavailable", message);
  }
}

type Input = { readonly key: Handle; readonly aad: Buffer };

async function encrypt(
  { library, handle }: Session,
  { key, plaintext, aad }: Input & { plaintext: Buffer },
): Promise<Buffer> {
  const nonce = randomBytes(NONCE_BYTES);
  const mechanism = library.mechanism({ type: CKM.AES_GCM, gcm: { nonce, aad } });
  await library.call("C_EncryptInit", handle, mechanism, key);
  const out = Buffer.alloc(plaintext.length + TAG_BYTES);
  const length = [out.length];
  await library.call("C_Encrypt", handle, plaintext, plaintext.length, out, length);
  return Buffer.concat([nonce, out.subarray(0, Number(length[0]))]);
}

async function decrypt(
  { library, handle, fresh }: Session,
  { key, wrapped, aad }: Input & { wrapped: Buffer },
): Promise<Buffer | undefined> {
  if (wrapped.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const gcm = { nonce: Buffer.from(wrapped.subarray(0, NONCE_BYTES)), aad };
  await library.call("C_DecryptInit", handle, library.mechanism({ type: CKM.AES_GCM, gcm }), key);
  const body = Buffer.from(wrapped.subarray(NONCE_BYTES));
  const out = Buffer.alloc(body.length);
  const length = [out.length];
  try {
    await library.call("C_Decrypt", handle, body, body.length, out, length);
  } catch (error) {
    if (!(error instanceof Pkcs11Error)) throw error;
    const doubtful = fresh && MAYBE_BAD_TAG.has(error.value);
    if (doubtful || BAD_TAG.has(error.value)) return undefined;
    throw error;
  }
  return out.subarray(0, Number(length[0]));
}

const BAD_TAG: ReadonlySet<number> = new Set([
  CKR.ENCRYPTED_DATA_INVALID,
  CKR.ENCRYPTED_DATA_LEN_RANGE,
]);
/** What modules say of a wrong tag (SoftHSM 2 the first) as well as of a lost session. */
const MAYBE_BAD_TAG: ReadonlySet<number> = new Set([CKR.GENERAL_ERROR, CKR.FUNCTION_FAILED]);

async function randomOf({ library, handle }: Session, bytes: number): Promise<Buffer> {
  const out = Buffer.alloc(Math.min(bytes, RANDOM_BYTES_MAX));
  await library.call("C_GenerateRandom", handle, out, out.length);
  return out;
}

/**
 * A number in a private object of the token: put back only by who has the PIN. Many tokens change
 * no value of an object, so each number is an object of its own and the highest counts.
 */
function counterOf(use: ReturnType<typeof openToken>["use"], keyId: string): MonotonicCounter {
  const all = async (session: Session): Promise<readonly Counted[]> => {
    const handles = await findAll(session, counterTemplate(keyId));
    const counted: Counted[] = [];
    for (const handle of handles) counted.push({ handle, value: await numberIn(session, handle) });
    return counted;
  };
  const highest = (counted: readonly Counted[]): number => {
    if (counted.length > 0) return Math.max(...counted.map(({ value }) => value));
    throw new KeydError("unavailable", "Cannot use the device: its counter is not in the token");
  };
  return {
    where: `a private object in the token, ${keyId.slice(0, 8)}`,
    read: () => use(async (session) => highest(await all(session))),
    increment: () =>
      use(async (session) => {
        const before = await all(session);
        await makeCounter(session, keyId, highest(before) + 1);
        for (const { handle } of before) {
          await session.library.call("C_DestroyObject", session.handle, handle);
        }
      }),
  };
}

type Counted = { readonly handle: Handle; readonly value: number };

async function numberIn({ library, handle }: Session, object: Handle): Promise<number> {
  const bytes = Buffer.alloc(COUNTER_BYTES);
  const wanted = library.attributes([[CKA.VALUE, bytes]]);
  await library.call("C_GetAttributeValue", handle, object, wanted, 1);
  return Number(bytes.readBigUInt64BE());
}

async function makeCounter(session: Session, keyId: string, value: number): Promise<void> {
  const { library, handle } = session;
  const bytes = Buffer.alloc(COUNTER_BYTES);
  bytes.writeBigUInt64BE(BigInt(value));
  const wanted = library.attributes([
    ...counterTemplate(keyId),
    [CKA.TOKEN, flag(true)],
    [CKA.PRIVATE, flag(true)],
    [CKA.MODIFIABLE, flag(false)],
    [CKA.VALUE, bytes],
  ]);
  await library.call("C_CreateObject", handle, wanted, wanted.length, [0]);
}
