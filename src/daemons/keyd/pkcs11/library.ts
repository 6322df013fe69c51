/**
 * A PKCS #11 module (version 2.40) called through koffi: its function list, attribute templates
 * and return values. Sessions and what a key is for are not known here.
 */
import { loadKoffi } from "../openssl.ts";

/** Return values that this program acts on; the specification's section 5.1 has them all. */
export const CKR = {
  OK: 0x0,
  SLOT_ID_INVALID: 0x3,
  GENERAL_ERROR: 0x5,
  FUNCTION_FAILED: 0x6,
  DEVICE_ERROR: 0x30,
  DEVICE_REMOVED: 0x32,
  ENCRYPTED_DATA_INVALID: 0x40,
  ENCRYPTED_DATA_LEN_RANGE: 0x41,
  KEY_HANDLE_INVALID: 0x60,
  MECHANISM_INVALID: 0x70,
  OBJECT_HANDLE_INVALID: 0x82,
  OPERATION_ACTIVE: 0x90,
  PIN_INCORRECT: 0xa0,
  PIN_INVALID: 0xa1,
  PIN_LEN_RANGE: 0xa2,
  PIN_EXPIRED: 0xa3,
  PIN_LOCKED: 0xa4,
  SESSION_CLOSED: 0xb0,
  SESSION_HANDLE_INVALID: 0xb3,
  TOKEN_NOT_PRESENT: 0xe0,
  TOKEN_NOT_RECOGNIZED: 0xe1,
  USER_ALREADY_LOGGED_IN: 0x100,
  USER_NOT_LOGGED_IN: 0x101,
  USER_PIN_NOT_INITIALIZED: 0x102,
  CRYPTOKI_NOT_INITIALIZED: 0x190,
  CRYPTOKI_ALREADY_INITIALIZED: 0x191,
} as const;

/** Attributes of objects. */
export const CKA = {
  CLASS: 0x0,
  TOKEN: 0x1,
  PRIVATE: 0x2,
  LABEL: 0x3,
  VALUE: 0x11,
  KEY_TYPE: 0x100,
  ID: 0x102,
  SENSITIVE: 0x103,
  ENCRYPT: 0x104,
  DECRYPT: 0x105,
  WRAP: 0x106,
  UNWRAP: 0x107,
  SIGN: 0x108,
  VERIFY: 0x10a,
  MODULUS_BITS: 0x121,
  PUBLIC_EXPONENT: 0x122,
  VALUE_LEN: 0x161,
  EXTRACTABLE: 0x162,
  LOCAL: 0x163,
  NEVER_EXTRACTABLE: 0x164,
  ALWAYS_SENSITIVE: 0x165,
  MODIFIABLE: 0x170,
  EC_PARAMS: 0x180,
} as const;

/** Mechanisms. */
export const CKM = {
  RSA_PKCS_KEY_PAIR_GEN: 0x0,
  SHA256_RSA_PKCS: 0x40,
  AES_KEY_GEN: 0x1080,
  AES_GCM: 0x1087,
} as const;

export const CKO = { DATA: 0, PUBLIC_KEY: 2, PRIVATE_KEY: 3, SECRET_KEY: 4 } as const;

/** A refusal by the module. */
export class Pkcs11Error extends Error {
  override readonly name = "Pkcs11Error";
  readonly value: number;
  constructor(step: string, value: number) {
    super(`${step} gave ${nameOf(value)}`);
    this.value = value;
  }
}

function nameOf(value: number): string {
  const named = Object.entries(CKR).find(([, number]) => number === value);
  return named === undefined ? `0x${value.toString(16)}` : `CKR_${named[0]}`;
}

export type Handle = number;
export type Attribute = readonly [type: number, value: Buffer];
export type Mechanism = { readonly type: number; readonly gcm?: GcmParameters };
export type GcmParameters = { readonly nonce: Buffer; readonly aad: Buffer };

type Native = {
  (...values: readonly unknown[]): unknown;
  async(...values: readonly unknown[]): unknown;
};

const GCM_TAG_BITS = 128;
const GCM_PARAMETER_BYTES = 48;
/** CK_C_INITIALIZE_ARGS: four function pointers, flags, a reserved pointer. */
const INITIALIZE_BYTES = 48;
const INITIALIZE_FLAGS_AT = 32;
const CKF_OS_LOCKING_OK = 2n;
const WORD = 8;

/** Position of each function in CK_FUNCTION_LIST (pkcs11f.h), and its arguments. */
function signatures(types: ReturnType<typeof structures>) {
  const { handle, out, inOut, bytes, mechanism, attributes, attributesInOut } = types;
  return {
    C_Initialize: [0, [bytes]],
    C_GetSlotList: [4, ["uint8_t", bytes, inOut]],
    C_GetTokenInfo: [6, [handle, bytes]],
    C_GetMechanismList: [7, [handle, bytes, inOut]],
    C_OpenSession: [12, [handle, handle, bytes, bytes, out]],
    C_CloseSession: [13, [handle]],
    C_CloseAllSessions: [14, [handle]],
    C_Finalize: [1, [bytes]],
    C_Login: [18, [handle, handle, bytes, handle]],
    C_CreateObject: [20, [handle, attributes, handle, out]],
    C_DestroyObject: [22, [handle, handle]],
    C_GetAttributeValue: [24, [handle, handle, attributesInOut, handle]],
    C_SetAttributeValue: [25, [handle, handle, attributes, handle]],
    C_FindObjectsInit: [26, [handle, attributes, handle]],
    C_FindObjects: [27, [handle, bytes, handle, out]],
    C_FindObjectsFinal: [28, [handle]],
    C_EncryptInit: [29, [handle, mechanism, handle]],
    C_Encrypt: [30, [handle, bytes, handle, bytes, inOut]],
    C_DecryptInit: [33, [handle, mechanism, handle]],
    C_Decrypt: [34, [handle, bytes, handle, bytes, inOut]],
    C_SignInit: [42, [handle, mechanism, handle]],
    C_Sign: [43, [handle, bytes, handle, bytes, inOut]],
    C_GenerateKey: [58, [handle, mechanism, attributes, handle, out]],
    C_GenerateKeyPair: [59, [handle, mechanism, attributes, handle, attributes, handle, out, out]],
    C_GenerateRandom: [64, [handle, bytes, handle]],
  } as const;
}

export type Pkcs11Call = keyof ReturnType<typeof signatures>;

export type Pkcs11Library = {
  /** Calls on a thread of koffi's, because a device on a network may take long. */
  call(name: Pkcs11Call, ...values: readonly unknown[]): Promise<void>;
  mechanism(wanted: Mechanism): unknown;
  attributes(wanted: readonly Attribute[]): readonly unknown[];
};

function structures() {
  const koffi = loadKoffi();
  const attribute = koffi.struct({ type: "ulong", value: "void *", length: "ulong" });
  const mechanism = koffi.struct({ type: "ulong", parameter: "void *", length: "ulong" });
  return {
    handle: "ulong",
    bytes: "void *",
    out: koffi.out(koffi.pointer("ulong")),
    inOut: koffi.inout(koffi.pointer("ulong")),
    mechanism: koffi.pointer(mechanism),
    attributes: koffi.pointer(attribute),
    attributesInOut: koffi.inout(koffi.pointer(attribute)),
    gcm: koffi.struct({
      nonce: "void *",
      nonceBytes: "ulong",
      nonceBits: "ulong",
      aad: "void *",
      aadBytes: "ulong",
      tagBits: "ulong",
    }),
  };
}

/**
 * INVARIANT: a module is never given back. koffi unloads a library that nothing refers to, and the
 * addresses in its function list are numbers that no collection of garbage sees.
 */
const modules: object[] = [];

/**
 * Loads a module and initializes it; one that another part of this process initialized is fine.
 *
 * @throws Error when the file is no PKCS #11 module, Pkcs11Error when it refuses.
 */
export async function loadPkcs11(file: string): Promise<Pkcs11Library> {
  const koffi = loadKoffi();
  const module = koffi.load(file);
  modules.push(module);
  const getList = module.func("unsigned long C_GetFunctionList(_Out_ void **list)");
  const out: unknown[] = [null];
  const value = Number(getList(out));
  if (value !== CKR.OK || out[0] === null) throw new Pkcs11Error("C_GetFunctionList", value);
  const list = out[0];
  const types = structures();
  const table = new Map<string, Native>(
    Object.entries(signatures(types)).map(([name, [at, args]]) => {
      // The list begins with the version, padded to a word.
      const pointer: unknown = koffi.decode(list, WORD + WORD * at, "void *");
      const prototype = koffi.proto("ulong", [...args]);
      return [name, koffi.decode(pointer, prototype) as Native];
    }),
  );
  const library: Pkcs11Library = {
    async call(name, ...values) {
      const native = table.get(name);
      if (native === undefined) throw new Error(`No ${name}`);
      const result = await new Promise<number>((resolve, reject) => {
        native.async(...values, (error: Error | null, given: unknown) =>
          error === null ? resolve(Number(given)) : reject(error),
        );
      });
      if (result !== CKR.OK) throw new Pkcs11Error(name, result);
    },
    mechanism: ({ type, gcm }) => {
      if (gcm === undefined) return { type, parameter: null, length: 0 };
      const { nonce, aad } = gcm;
      const lengths = { nonceBytes: nonce.length, nonceBits: 8 * nonce.length };
      const fields = { nonce, ...lengths, aad, aadBytes: aad.length, tagBits: GCM_TAG_BITS };
      const parameter = koffi.as(fields, koffi.pointer(types.gcm));
      return { type, parameter, length: GCM_PARAMETER_BYTES };
    },
    attributes: (wanted) =>
      wanted.map(([type, bytes]) => ({ type, value: bytes, length: bytes.length })),
  };
  await initialize(library);
  return library;
}

/** Also after the device was restarted, when the module has forgotten that it was initialized. */
export async function initialize(library: Pkcs11Library): Promise<void> {
  const args = Buffer.alloc(INITIALIZE_BYTES);
  args.writeBigUInt64LE(CKF_OS_LOCKING_OK, INITIALIZE_FLAGS_AT);
  await library.call("C_Initialize", args).catch((error: unknown) => {
    const known = error instanceof Pkcs11Error && error.value === CKR.CRYPTOKI_ALREADY_INITIALIZED;
    if (!known) throw error;
  });
}

export function flag(value: boolean): Buffer {
  return Buffer.from([value ? 1 : 0]);
}

export function ulong(value: number): Buffer {
  const bytes = Buffer.alloc(WORD);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export function readUlong(bytes: Buffer, at = 0): number {
  return Number(bytes.readBigUInt64LE(at * WORD));
}
