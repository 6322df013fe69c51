/** Random bytes taken in larger lots, because each call of the generator costs microseconds. */
import { randomFillSync } from "node:crypto";

const POOL_BYTES = 8_192;
const pool = Buffer.alloc(POOL_BYTES);
let at = POOL_BYTES;

/** Fresh bytes; the pool forgets what it gave. */
export function takeRandom(bytes: number): Buffer {
  if (bytes > POOL_BYTES / 4) return randomFillSync(Buffer.alloc(bytes));
  if (at + bytes > POOL_BYTES) {
    randomFillSync(pool);
    at = 0;
  }
  const taken = Buffer.allocUnsafeSlow(bytes);
  pool.copy(taken, 0, at, at + bytes);
  pool.fill(0, at, at + bytes);
  at += bytes;
  return taken;
}
