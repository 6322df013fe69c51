/** Passkeys in the browser: options of the server in, what the authenticator made out. */

type Json = Record<string, unknown>;

/** Makes a passkey. @throws DOMException when the person or the browser refuses. */
export async function makePasskey(options: Json): Promise<Json> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
    options as unknown as PublicKeyCredentialCreationOptionsJSON,
  );
  return jsonOf(await navigator.credentials.create({ publicKey }));
}

/** Proves a passkey. @throws DOMException when the person or the browser refuses. */
export async function provePasskey(options: Json): Promise<Json> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(
    options as unknown as PublicKeyCredentialRequestOptionsJSON,
  );
  return jsonOf(await navigator.credentials.get({ publicKey }));
}

function jsonOf(credential: Credential | null): Json {
  if (!(credential instanceof PublicKeyCredential)) throw new Error("no passkey was given");
  return { ...credential.toJSON() };
}

/** Passkeys are bound to a name: none where the console is reached by its address. */
export const passkeysWork = (): boolean =>
  "PublicKeyCredential" in window && !/^[\d.]+$|^\[/.test(window.location.hostname);
