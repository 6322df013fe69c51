/**
 * PKCS #12 (RFC 7292) through the program openssl: no shell, no file, the passphrase over a pipe
 * of its own, so that it is in no argument list and no environment.
 */
import { spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { Problem } from "../../kernel/problem.ts";

const TIMEOUT_MS = 10_000;
const OUTPUT_BYTES_MAX = 524_288;

/** Certificates and private key of a file as PEM text. */
export async function readPkcs12(content: Buffer, passphrase: string): Promise<string> {
  const args = ["pkcs12", "-nodes", "-passin", "fd:3"];
  const output = await runOpenssl(args, { input: content, passphrase });
  if (output === undefined) {
    const message = "openssl cannot open it with this passphrase";
    throw new Problem("certificates.pkcs12Invalid", {
      details: [{ path: "/contentBase64", message }],
    });
  }
  return output.toString("latin1");
}

/**
 * A file with leaf, chain and key: AES-256 and SHA-256, or 3DES and SHA-1 for old programs.
 */
export async function writePkcs12(
  pem: string,
  settings: { readonly name: string; readonly passphrase: string; readonly legacy: boolean },
): Promise<Buffer> {
  const legacy = ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"];
  const modern = ["-keypbe", "AES-256-CBC", "-certpbe", "AES-256-CBC", "-macalg", "sha256"];
  const args = ["pkcs12", "-export", "-passout", "fd:3", "-name", settings.name];
  const output = await runOpenssl([...args, ...(settings.legacy ? legacy : modern)], {
    input: Buffer.from(pem, "latin1"),
    passphrase: settings.passphrase,
  });
  if (output === undefined) throw new Error("openssl refused to write a PKCS #12 file");
  return output;
}

/** Standard output; undefined when the program refused. */
function runOpenssl(
  args: readonly string[],
  { input, passphrase }: { input: Buffer; passphrase: string },
): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn("openssl", args, {
      stdio: ["pipe", "pipe", "ignore", "pipe"],
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
      env: { PATH: process.env.PATH ?? "", OPENSSL_CONF: "/dev/null" },
    });
    const pieces: Buffer[] = [];
    let bytes = 0;
    child.stdout?.on("data", (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > OUTPUT_BYTES_MAX) child.kill("SIGKILL");
      else pieces.push(piece);
    });
    child.once("error", (cause) => reject(new Problem("certificates.opensslMissing", { cause })));
    child.once("close", (code) => resolve(code === 0 ? Buffer.concat(pieces) : undefined));
    const feed = (stream: unknown, bytesIn: Buffer | string) => {
      const pipe = stream as Writable;
      // It may end before it has read all; the exit code tells.
      pipe.on("error", () => {});
      pipe.end(bytesIn);
    };
    feed(child.stdio[3], `${passphrase}\n`);
    feed(child.stdin, input);
  });
}
