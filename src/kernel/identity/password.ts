/** Passwords: argon2id (RFC 9106), stored in the PHC string form. */
import { argon2, randomBytes, timingSafeEqual } from "node:crypto";

/** OWASP's recommendation for argon2id: 19 MiB, two passes, one lane. */
const PARAMETERS = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;
const SALT_BYTES = 16;

/** The stored form of a password. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const tag = await derive(password, salt);
  const { memory, passes, parallelism } = PARAMETERS;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`;
}

/** True when the password is the stored one. Takes the same time either way. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const match = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(
    stored,
  );
  const salt = Buffer.from(match?.[1] ?? "", "base64");
  const wanted = Buffer.from(match?.[2] ?? "", "base64");
  const got = await derive(password, salt.length >= 8 ? salt : Buffer.alloc(SALT_BYTES));
  return match !== null && wanted.length === got.length && timingSafeEqual(wanted, got);
}

/** What is verified when the user does not exist, so that the answer takes as long. */
export const decoyHash = `$argon2id$v=19$m=19456,t=2,p=1$${base64(Buffer.alloc(16))}$${base64(Buffer.alloc(32))}`;

function base64(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

function derive(password: string, nonce: Buffer): Promise<Buffer> {
  const message = Buffer.from(password.normalize("NFKC"), "utf8");
  return new Promise((resolve, reject) => {
    argon2("argon2id", { message, nonce, ...PARAMETERS }, (error, tag) => {
      if (error) reject(error);
      else resolve(Buffer.from(tag));
    });
  });
}
