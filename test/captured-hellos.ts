/**
 * First bytes of real clients, with the JA4 that Wireshark 4 computes for them. For Chromium it was
 * asked without the GREASE value among the signature algorithms: it does not leave that one out,
 * and would tell another fingerprint of each connection.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export type CapturedHello = {
  readonly client: string;
  readonly ja4: string;
  readonly hello: Buffer;
};

/** In the order of the file; each client once. */
export function capturedHellos(): CapturedHello[] {
  const text = readFileSync(join(import.meta.dirname, "captured-hellos.json"), "utf8");
  const list = JSON.parse(text) as { client: string; ja4: string; base64: string }[];
  return list.map(({ client, ja4, base64 }) => {
    return { client, ja4, hello: Buffer.from(base64, "base64") };
  });
}
