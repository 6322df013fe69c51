/**
 * A token of a PKCS #11 module and a session on it, opened again when the device was restarted.
 * One thing at a time uses the session, since a session holds one operation.
 */
import { KeydError } from "../../../kernel/keyd/protocol.ts";
import { messageOf } from "../../../kernel/process/text.ts";
import {
  CKR,
  type Handle,
  initialize,
  loadPkcs11,
  Pkcs11Error,
  type Pkcs11Library,
  readUlong,
} from "./library.ts";

export type TokenSettings = {
  readonly module: string;
  /** CKA_LABEL of the token; slot numbers change when a device is restarted. */
  readonly label: string;
  /** Read for each login, so that a PIN can be changed without a restart. */
  readonly pin: () => Promise<Buffer>;
};

export type Session = {
  readonly library: Pkcs11Library;
  readonly handle: Handle;
  readonly slot: Handle;
  /** Opened for this use: what fails now does not fail because the session was lost. */
  readonly fresh: boolean;
};

/** What a lost session, a restarted device or one that is away gives; worth one more try. */
const LOST: ReadonlySet<number> = new Set([
  CKR.SLOT_ID_INVALID,
  CKR.GENERAL_ERROR,
  CKR.FUNCTION_FAILED,
  CKR.DEVICE_ERROR,
  CKR.DEVICE_REMOVED,
  CKR.KEY_HANDLE_INVALID,
  CKR.OBJECT_HANDLE_INVALID,
  CKR.OPERATION_ACTIVE,
  CKR.SESSION_CLOSED,
  CKR.SESSION_HANDLE_INVALID,
  CKR.TOKEN_NOT_PRESENT,
  CKR.TOKEN_NOT_RECOGNIZED,
  CKR.USER_NOT_LOGGED_IN,
  CKR.CRYPTOKI_NOT_INITIALIZED,
]);
/** A wrong PIN is never given twice: devices lock after a few. */
const PIN_REFUSED: ReadonlySet<number> = new Set([
  CKR.PIN_INCORRECT,
  CKR.PIN_INVALID,
  CKR.PIN_LEN_RANGE,
  CKR.PIN_EXPIRED,
  CKR.PIN_LOCKED,
  CKR.USER_PIN_NOT_INITIALIZED,
]);

const SLOTS_MAX = 256;
const TOKEN_INFO_BYTES = 256;
const LABEL_BYTES = 32;
const SERIAL_AT = 80;
const SERIAL_BYTES = 16;
const CKF_RW_SERIAL_SESSION = 6;
const CKU_USER = 1;

export type Token = {
  /** Runs with a session that is logged in; again on a new one when the session was lost. */
  use<Result>(run: (session: Session) => Promise<Result>): Promise<Result>;
  /** Called with each new session, before it is used. */
  onOpen: (session: Session) => Promise<void>;
  /** Forgets that a PIN was refused: an operator changed something. */
  retryPin(): void;
  close(): Promise<void>;
};

/** Nothing is asked of the device before the first use. */
export function openToken(settings: TokenSettings): Token {
  let library: Pkcs11Library | undefined;
  let session: Session | undefined;
  let pinRefused: string | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  const open = async (): Promise<Session> => {
    if (pinRefused !== undefined) throw unavailable(settings, pinRefused);
    library ??= await loadPkcs11(settings.module);
    await initialize(library);
    const slot = await findSlot(library, settings.label);
    const out = [0];
    await library.call("C_OpenSession", slot, CKF_RW_SERIAL_SESSION, null, null, out);
    const opened = { library, handle: Number(out[0]), slot, fresh: true };
    try {
      await login(opened, await settings.pin());
    } catch (error) {
      if (error instanceof Pkcs11Error && PIN_REFUSED.has(error.value)) pinRefused = error.message;
      throw error;
    }
    await self.onOpen(opened);
    session = { ...opened, fresh: false };
    return opened;
  };
  const drop = async (): Promise<void> => {
    const lost = session;
    session = undefined;
    await lost?.library.call("C_CloseSession", lost.handle).catch(() => {});
  };
  const attempt = async <Result>(run: (session: Session) => Promise<Result>): Promise<Result> => {
    let lost: string | undefined;
    if (session !== undefined) {
      try {
        return await run(session);
      } catch (error) {
        if (!(error instanceof Pkcs11Error) || !LOST.has(error.value)) throw error;
        lost = error.message;
        await drop();
      }
    }
    try {
      const result = await run(await open());
      if (lost !== undefined) console.error(`keyd: a new session with the device: ${lost}`);
      return result;
    } catch (error) {
      if (!(error instanceof Pkcs11Error)) throw error;
      await drop();
      throw unavailable(settings, error.message);
    }
  };
  const self: Token = {
    onOpen: async () => {},
    use(run) {
      const mine = turn.catch(() => {}).then(() => attempt(run));
      turn = mine;
      return mine;
    },
    retryPin: () => {
      pinRefused = undefined;
    },
    close: drop,
  };
  return self;
}

async function login({ library, handle }: Session, pin: Buffer): Promise<void> {
  try {
    await library.call("C_Login", handle, CKU_USER, pin, pin.length);
  } catch (error) {
    // The login is the process's, not the session's: another session may hold it.
    const there = error instanceof Pkcs11Error && error.value === CKR.USER_ALREADY_LOGGED_IN;
    if (!there) throw error;
  } finally {
    pin.fill(0);
  }
}

async function findSlot(library: Pkcs11Library, label: string): Promise<Handle> {
  const bytes = Buffer.alloc(SLOTS_MAX * 8);
  const count = [SLOTS_MAX];
  await library.call("C_GetSlotList", 1, bytes, count);
  const found: Handle[] = [];
  for (let at = 0; at < Number(count[0]); at += 1) {
    const slot = readUlong(bytes, at);
    const info = Buffer.alloc(TOKEN_INFO_BYTES);
    await library.call("C_GetTokenInfo", slot, info);
    if (info.toString("utf8", 0, LABEL_BYTES).trimEnd() === label) found.push(slot);
  }
  const [slot] = found;
  if (slot !== undefined && found.length === 1) return slot;
  const why = found.length === 0 ? "no token has" : `${found.length} tokens have`;
  throw new KeydError("unavailable", `Cannot use the device: ${why} the label "${label}"`);
}

/** The token's serial number, for an operator. */
export async function serialOf({ library, slot }: Session): Promise<string> {
  const info = Buffer.alloc(TOKEN_INFO_BYTES);
  await library.call("C_GetTokenInfo", slot, info);
  return info.toString("latin1", SERIAL_AT, SERIAL_AT + SERIAL_BYTES).trim();
}

export function unavailable({ module, label }: TokenSettings, why: unknown): KeydError {
  const said = typeof why === "string" ? why : messageOf(why);
  return new KeydError("unavailable", `Cannot use token "${label}" of ${module}: ${said}`);
}
