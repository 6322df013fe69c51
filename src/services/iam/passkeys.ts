/** Passkeys (WebAuthn Level 3): options for the browser, and checks of what it made. */
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { Problem } from "../../kernel/problem.ts";
import type { PasskeyRow } from "./factor-store.ts";

const TIMEOUT_MS = 120_000;

/** Where the browser is: a passkey is bound to it. */
export type RelyingParty = { readonly id: string; readonly origin: string };

/**
 * The relying party of a request.
 *
 * @param hosts names that this console is reached by; an address cannot have passkeys.
 * @throws Problem iam.passkeyHost.
 */
export function relyingPartyOf(host: string, hosts: readonly string[]): RelyingParty {
  const name = host.replace(/:\d+$/, "");
  if (!hosts.includes(name) || /^[\d.]+$|^\[/.test(name)) throw new Problem("iam.passkeyHost");
  return { id: name, origin: `https://${host}` };
}

/** Options for making a passkey, with the challenge to be kept. */
export async function registrationOptions(
  party: RelyingParty,
  user: { readonly userId: string; readonly name: string },
  existing: readonly PasskeyRow[],
) {
  return generateRegistrationOptions({
    rpName: "Cordon",
    rpID: party.id,
    userName: user.name,
    userID: new Uint8Array(Buffer.from(user.userId)),
    timeout: TIMEOUT_MS,
    attestationType: "none",
    excludeCredentials: existing.map(({ credentialId }) => ({ id: credentialId })),
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
  });
}

/** The new credential; undefined when the response is not good. */
export async function registeredCredential(
  party: RelyingParty,
  response: Readonly<Record<string, unknown>>,
  expectedChallenge: string,
) {
  try {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: response as unknown as RegistrationResponseJSON,
      expectedChallenge,
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      requireUserVerification: true,
    });
    return verified ? registrationInfo.credential : undefined;
  } catch {
    // The library throws for every fault of what a browser sent.
    return undefined;
  }
}

/** Options for proving a passkey; without a list the browser offers those it has. */
export async function authenticationOptions(party: RelyingParty, allowed?: readonly PasskeyRow[]) {
  return generateAuthenticationOptions({
    rpID: party.id,
    timeout: TIMEOUT_MS,
    userVerification: "required",
    ...(allowed === undefined
      ? {}
      : { allowCredentials: allowed.map(({ credentialId }) => ({ id: credentialId })) }),
  });
}

/** The new signature counter; undefined when the proof is not good. */
export async function provenCounter(
  party: RelyingParty,
  {
    response,
    challenge,
    passkey,
  }: {
    response: Readonly<Record<string, unknown>>;
    challenge: string;
    passkey: PasskeyRow;
  },
): Promise<number | undefined> {
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: response as unknown as AuthenticationResponseJSON,
      expectedChallenge: challenge,
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      requireUserVerification: true,
      credential: {
        id: passkey.credentialId,
        publicKey: new Uint8Array(passkey.publicKey),
        counter: passkey.counter,
      },
    });
    return verified ? authenticationInfo.newCounter : undefined;
  } catch {
    return undefined;
  }
}
