/** Why a certificate, a key or a request was refused, in one word a program can act on. */

export type X509FaultCode =
  | "pemInvalid"
  | "pemTooLarge"
  | "derInvalid"
  | "certificateMissing"
  | "keyInvalid"
  | "keyEncrypted"
  | "keyMismatch"
  | "explicitCurve"
  | "curveNotAllowed"
  | "chainBroken"
  | "requestInvalid"
  | "weak";

/** Thrown by everything in this folder that reads what a stranger made. */
export class X509Fault extends Error {
  override readonly name = "X509Fault";
  readonly code: X509FaultCode;

  constructor(code: X509FaultCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Runs a reader of somebody else's; what it throws becomes `derInvalid` with this message. */
export function asDerFault<Value>(message: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof X509Fault) throw error;
    throw new X509Fault("derInvalid", message);
  }
}
