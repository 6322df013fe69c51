import { spawnSync } from "node:child_process";
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, describe, expect, test } from "vitest";
import { CHUNK_BYTES, SEALED_CHUNK_BYTES } from "../../engines/age/payload.ts";
import { BackupError, openSealed, sealing } from "./sealed-file.ts";

const folder = mkdtempSync(join(tmpdir(), "cordon-sealed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const passphrase = Buffer.from("correct horse battery staple");
const workFactor = 10;
/** Chunks that all differ, the last one short. */
const CHUNKS = 4;
const plaintext = Buffer.concat([
  ...Array.from({ length: CHUNKS - 1 }, (_, at) => Buffer.alloc(CHUNK_BYTES, 65 + at)),
  Buffer.from("the end"),
]);

async function sealed(name: string, bytes: Buffer): Promise<string> {
  const file = join(folder, name);
  await pipeline([bytes], await sealing({ passphrase, workFactor }), createWriteStream(file));
  return file;
}

async function opened(file: string, given = passphrase): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of await openSealed(file, { passphrase: given })) parts.push(part);
  return Buffer.concat(parts);
}

/** The error of opening these bytes; what came before the fault is not looked at. */
async function refusal(bytes: Buffer): Promise<unknown> {
  const file = join(folder, "changed");
  writeFileSync(file, bytes);
  return opened(file).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("a sealed file", () => {
  test.each([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])(
    "gives back %i bytes as they were",
    async (size) => {
      const bytes = Buffer.alloc(size, 7);
      expect(await opened(await sealed(`size-${size}`, bytes))).toEqual(bytes);
    },
  );

  test("does not open with another passphrase, and the error tells what to give", async () => {
    const file = await sealed("other", plaintext);
    const wrong = opened(file, Buffer.from("correct horse battery stapler"));
    await expect(wrong).rejects.toThrow(/none of what was given opens it/);
    await expect(wrong).rejects.toBeInstanceOf(BackupError);
  });

  test("a passphrase of fewer than twelve bytes is refused", async () => {
    await expect(sealing({ passphrase: Buffer.from("short") })).rejects.toThrow(
      /5 bytes, wanted at least 12/,
    );
  });

  test("without a passphrase and without a root nothing is sealed", async () => {
    await expect(sealing({})).rejects.toThrow(/nothing to open it with/);
  });

  test("a file that asks for more work than the limit is refused before the work", async () => {
    const bytes = readFileSync(await sealed("work", plaintext));
    const text = bytes.toString("latin1").replace(/(-> scrypt \S+) 10\n/, "$1 31\n");
    const message = expect.stringContaining("too much work");
    await expect(refusal(Buffer.from(text, "latin1"))).resolves.toMatchObject({ message });
  });
});

describe("a file that is not what was written is refused:", async () => {
  const whole = readFileSync(await sealed("whole", plaintext));
  const payload = whole.indexOf("\n", whole.indexOf("\n--- ") + 1) + 1 + 16;
  const head = whole.subarray(0, payload);
  const chunks = Array.from({ length: CHUNKS }, (_, at) => {
    const begin = payload + at * SEALED_CHUNK_BYTES;
    return whole.subarray(begin, begin + SEALED_CHUNK_BYTES);
  });
  const joined = (order: readonly number[]) =>
    Buffer.concat([head, ...order.flatMap((at) => chunks.slice(at, at + 1))]);

  test("the pieces of this test are the whole file", () => {
    expect(joined([0, 1, 2, 3])).toEqual(whole);
  });

  test.each([
    ["the last chunk cut off", [0, 1, 2]],
    ["all chunks cut off", []],
    ["the first chunk missing", [1, 2, 3]],
    ["a chunk missing in the middle", [0, 2, 3]],
    ["two chunks exchanged", [1, 0, 2, 3]],
    ["a chunk twice", [0, 1, 1, 2, 3]],
    ["the last chunk twice", [0, 1, 2, 3, 3]],
  ])("%s", async (_name, order) => {
    await expect(refusal(joined(order))).resolves.toBeInstanceOf(BackupError);
  });

  test("chunks of another file under the same passphrase", async () => {
    const other = readFileSync(await sealed("twin", plaintext));
    const mixed = Buffer.concat([whole.subarray(0, payload), other.subarray(payload)]);
    await expect(refusal(mixed)).resolves.toBeInstanceOf(BackupError);
  });

  test("cut at any of 200 places, and one bit flipped at any of 400", async () => {
    const short = readFileSync(await sealed("short", Buffer.from("rows and keys")));
    for (let at = 0; at < short.length; at += Math.ceil(short.length / 200)) {
      expect(await refusal(short.subarray(0, at)), `cut at ${at}`).toBeInstanceOf(BackupError);
    }
    for (let at = 0; at < short.length; at += Math.ceil(short.length / 400)) {
      const flipped = Buffer.from(short);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      expect(await refusal(flipped), `bit at ${at}`).toBeInstanceOf(BackupError);
    }
  });

  test("bytes after the end", async () => {
    await expect(refusal(Buffer.concat([whole, Buffer.from("x")]))).resolves.toBeInstanceOf(
      BackupError,
    );
  });
});

/** age asks for a passphrase on its terminal only: Python's pty gives it one. */
const AGE = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("age", sys.argv[2:])
said = b""
answers = 0
while True:
    try:
        part = os.read(terminal, 1024)
    except OSError:
        break
    if not part:
        break
    said += part
    if said.count(b"passphrase") > answers:
        answers += said.count(b"passphrase") - answers
        os.write(terminal, sys.argv[1].encode() + b"\\n")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

function age(...args: readonly string[]): number | null {
  const argv = ["-c", AGE, passphrase.toString(), "age", ...args];
  return spawnSync("python3", argv, { stdio: "ignore", timeout: 60_000 }).status;
}

const hasAge = spawnSync("age", ["--version"]).status === 0;

test.skipIf(!hasAge)("age opens what Cordon sealed by a passphrase alone (needs age)", async () => {
  const file = await sealed("for-age", plaintext);
  const output = join(folder, "from-age");
  expect(age("-d", "-o", output, file)).toBe(0);
  expect(readFileSync(output)).toEqual(plaintext);
});

test.skipIf(!hasAge)("Cordon opens what age sealed (needs age)", async () => {
  const [input, output] = [join(folder, "plain"), join(folder, "by-age")];
  writeFileSync(input, plaintext);
  expect(age("-e", "-p", "-o", output, input)).toBe(0);
  expect(await opened(output)).toEqual(plaintext);
});
