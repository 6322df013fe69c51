/** Messages of the encryption client under keys of the real key service, and attacks on them. */
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createEncryption,
  createFieldKey,
  type Encryption,
  type Kms,
  openFields,
  rewrapFieldKey,
} from "../packages/encryption-client/src/index.ts";
import { type CountedKms, kmsOf, refusal } from "./encryption-kit.ts";
import { type KmsKit, startKms } from "./kms-kit.ts";
import { PASSWORD } from "./service-kit.ts";

let kit: KmsKit;
let kms: CountedKms;
let keyId = "";
let one: Encryption;
const context = { table: "orders", column: "note" };
/** The default's, and what a chunk has with its tag. */
const CHUNK = 65_536;
const SEALED = CHUNK + 16;

beforeAll(async () => {
  kit = await startKms();
  keyId = await kit.newKey();
  kms = kmsOf(kit);
  one = createEncryption({ kms, keyId });
});
afterAll(() => kit?.stop());

const streamed = async (plaintext: Buffer) =>
  buffer(Readable.from([plaintext]).pipe(await one.encryptStream(context)));
const headerBytesOf = async (message: Buffer) =>
  (await one.rewrapHeader(message, context)).headerBytes;
const source = (message: Buffer) => {
  const reads: number[] = [];
  return {
    reads,
    bytes: message.length,
    async read(from: number, bytes: number) {
      reads.push(from);
      return message.subarray(from, from + bytes);
    },
  };
};

test("what was encrypted comes back: whole, as a stream, and in ranges", async () => {
  for (const bytes of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK]) {
    const plaintext = randomBytes(bytes);
    for (const message of [await one.encrypt(plaintext, context), await streamed(plaintext)]) {
      expect((await one.decrypt(message, context)).equals(plaintext)).toBe(true);
      const opened = Readable.from([message.subarray(0, 100), message.subarray(100)]);
      const back = await buffer(opened.pipe(one.decryptStream(context)));
      expect(back.equals(plaintext)).toBe(true);
    }
  }
});

test("any range is what a slice of the plaintext is, and the rest is not read", async () => {
  const plaintext = randomBytes(5 * CHUNK + 123);
  const message = await streamed(plaintext);
  const reading = await one.openRandomAccess(source(message), context);
  expect(reading.plaintextBytes).toBe(plaintext.length);
  await fc.assert(
    fc.asyncProperty(fc.nat(6 * CHUNK), fc.nat(2 * CHUNK), async (from, bytes) => {
      const range = await reading.read(from, bytes);
      return range.equals(plaintext.subarray(from, from + bytes));
    }),
    { numRuns: 60 },
  );
  const counted = source(message);
  const again = await one.openRandomAccess(counted, context);
  expect((await again.read(2 * CHUNK, 10)).length).toBe(10);
  expect(counted.reads).toHaveLength(3);
  expect(await refusal(again.read(-1, 4))).toBe("inputInvalid");
});

test("a message that was cut, reordered, doubled or lengthened is refused every way", async () => {
  const message = await streamed(randomBytes(3 * CHUNK + 100));
  const head = await headerBytesOf(message);
  const chunk = (index: number) =>
    message.subarray(head + index * SEALED, head + (index + 1) * SEALED);
  const with_ = (...chunks: Buffer[]) => Buffer.concat([message.subarray(0, head), ...chunks]);
  const changed = [
    with_(chunk(0), chunk(1), chunk(2)),
    with_(chunk(0), chunk(1), chunk(2), chunk(3).subarray(0, 50)),
    with_(chunk(1), chunk(0), chunk(2), chunk(3)),
    with_(chunk(0), chunk(0), chunk(1), chunk(2), chunk(3)),
    with_(chunk(0), chunk(1), chunk(2), chunk(3), chunk(3)),
    with_(),
    message.subarray(0, head - 1),
    Buffer.concat([message, Buffer.from([0])]),
  ];
  for (const bad of changed) {
    expect(await refusal(one.decrypt(bad, context))).toBe("messageInvalid");
    const opened = buffer(Readable.from([bad]).pipe(one.decryptStream(context)));
    expect(await refusal(opened)).toBe("messageInvalid");
    // A cut between chunks is seen before the first range is given.
    const range = one.openRandomAccess(source(bad), context).then((all) => all.read(0, 3 * CHUNK));
    expect(await refusal(range)).toBe("messageInvalid");
  }
});

test("no byte of header, data key or body can be flipped", async () => {
  const message = await one.encrypt(Buffer.from("4111 1111 1111 1111"), context);
  const reasons = await Promise.all(
    [...message.keys()].map((at) => {
      const bad = Buffer.from(message);
      bad.writeUInt8((bad[at] ?? 0) ^ 1, at);
      return refusal(one.decrypt(bad, context));
    }),
  );
  const opened = reasons.filter((reason) => !/^(?:message|key|kms\.)/.test(reason));
  expect([reasons.length, opened]).toEqual([message.length, []]);
}, 120_000);

test("another format version or suite is refused before any key is asked for", async () => {
  const message = await one.encrypt(Buffer.from("x"), context);
  for (const [at, value] of [
    [3, 0],
    [3, 2],
    [4, 0],
    [4, 2],
    [7, 1],
  ] as const) {
    const bad = Buffer.from(message);
    bad.writeUInt8(value, at);
    const before = kms.calls.length;
    expect(await refusal(one.decrypt(bad, context))).toBe("messageUnknown");
    expect(kms.calls).toHaveLength(before);
  }
  // Another size of chunk is a known form, but not what the commitment was made over.
  const smaller = Buffer.from(message);
  smaller.writeUInt8(12, 5);
  expect(await refusal(one.decrypt(smaller, context))).toBe("messageInvalid");
});

test("data keys cannot be swapped between messages, nor chunks between files", async () => {
  const [left, right] = [await streamed(randomBytes(CHUNK)), await streamed(randomBytes(CHUNK))];
  const head = await headerBytesOf(left);
  // Both headers are equally long: the commitment ends at 72, then come key id and data key.
  const swapped = Buffer.concat([
    left.subarray(0, 72),
    right.subarray(72, head),
    left.subarray(head),
  ]);
  expect(await refusal(one.decrypt(swapped, context))).toBe("messageInvalid");
  const moved = Buffer.concat([left.subarray(0, head), right.subarray(head)]);
  expect(await refusal(one.decrypt(moved, context))).toBe("messageInvalid");
  // Under one data key as well, which the cache gives to both.
  const [first, second] = [
    await one.encrypt(Buffer.from("to Alice: 10"), context),
    await one.encrypt(Buffer.from("to Mallo: 99"), context),
  ];
  expect(first.subarray(72, head).equals(second.subarray(72, head))).toBe(true);
  const mixed = Buffer.concat([first.subarray(0, head), second.subarray(head)]);
  expect(await refusal(one.decrypt(mixed, context))).toBe("messageInvalid");
});

test("a wrong context is refused, with the data key in the cache as well as without", async () => {
  const message = await one.encrypt(Buffer.from("x"), context);
  expect((await one.decrypt(message, context)).toString()).toBe("x");
  // Each would have the same bytes if names and values were only joined.
  for (const other of [
    {},
    { table: "orders" },
    { table: "orders", column: "notf" },
    { table: "ordersc", olumn: "note" },
    { table: "orders", column: "note", more: "" },
    { tableorders: "columnnote" },
  ]) {
    expect(await refusal(one.decrypt(message, other))).toBe("kms.ciphertextInvalid");
  }
  expect((await one.decrypt(message, { column: "note", table: "orders" })).toString()).toBe("x");
});

test("a message of another account, or under a key that was not named, does not open", async () => {
  const account = { name: "other", userName: "eve", password: PASSWORD };
  await kit.operations.api("POST", "/v1/account/accounts", account);
  const eve = await kit.operations.keyOf("other", "eve");
  const made = await kit.post("/keys", {}, eve);
  const theirs = createEncryption({ kms: kmsOf(kit, eve), keyId: made.result.keyId });
  const message = await theirs.encrypt(Buffer.from("hers"), context);
  const before = kms.calls.length;
  expect(await refusal(one.decrypt(message, context))).toBe("keyRefused");
  expect(kms.calls).toHaveLength(before);
  const trusting = createEncryption({ kms, keyId, alsoOpens: [made.result.keyId] });
  expect(await refusal(trusting.decrypt(message, context))).toBe("kms.keyNotFound");
  // Her key id replaced by his: the key service sees whose data key it is.
  const renamed = Buffer.from(message);
  renamed.write(keyId, message.indexOf("key-"));
  expect(await refusal(one.decrypt(renamed, context))).toMatch(/^kms\./);
});

test("after a rotation the data key is encrypted again and the data stay as they are", async () => {
  const plaintext = randomBytes(2 * CHUNK);
  const message = await streamed(plaintext);
  await kit.post(`/keys/${keyId}:rotate`);
  const wrapped = await one.rewrap(message, context);
  const head = await headerBytesOf(message);
  expect(wrapped.subarray(0, head).equals(message.subarray(0, head))).toBe(false);
  expect(wrapped.subarray(-2 * SEALED).equals(message.subarray(-2 * SEALED))).toBe(true);
  expect((await one.decrypt(wrapped, context)).equals(plaintext)).toBe(true);
  expect((await one.decrypt(message, context)).equals(plaintext)).toBe(true);
  // To another key: then the old one may be disabled.
  const next = createEncryption({ kms, keyId: await kit.newKey(), alsoOpens: [keyId] });
  const under = await next.rewrap(message, context);
  expect(await refusal(one.decrypt(under, context))).toBe("keyRefused");
  expect((await next.decrypt(under, context)).equals(plaintext)).toBe(true);
  expect(await refusal(one.rewrap(message, { table: "orders" }))).toBe("kms.ciphertextInvalid");
});

/** The real key service, remembering the buffers that it gave out. */
function watched() {
  const given: Buffer[] = [];
  const inner = kmsOf(kit);
  const noted = (plaintext: Buffer) => {
    given.push(plaintext);
    return plaintext;
  };
  const kept: Kms = {
    ...inner,
    async generateDataKey(id, of) {
      const made = await inner.generateDataKey(id, of);
      return { ...made, plaintext: noted(made.plaintext) };
    },
    decrypt: async (id, wrapped, of) => noted(await inner.decrypt(id, wrapped, of)),
  };
  const forgotten = () => given.map((one) => one.every((byte) => byte === 0));
  return { kms: kept, calls: inner.calls, forgotten };
}

test("data keys are used again up to age, messages and bytes, then overwritten", async () => {
  const { kms: seen, calls, forgotten } = watched();
  let nowMs = 1_000_000;
  const cache = { ageMsMax: 60_000, messagesMax: 3, bytesMax: 100, entriesMax: 2 };
  const cached = createEncryption({ kms: seen, keyId, cache, clock: () => nowMs });
  const put = (bytes: number, of = context) => cached.encrypt(Buffer.alloc(bytes), of);
  // Begun together, they share one call.
  await Promise.all([put(1), put(1), put(1)]);
  expect(calls).toHaveLength(1);
  await put(1);
  expect([calls.length, ...forgotten()]).toEqual([2, true, false]);
  await put(99);
  await put(1);
  expect([calls.length, ...forgotten()]).toEqual([3, true, true, false]);
  nowMs += 60_000;
  await put(1);
  expect([calls.length, ...forgotten()]).toEqual([4, true, true, true, false]);
  // Longer than a data key may encrypt: one of its own, which nobody keeps.
  await put(101);
  expect([calls.length, ...forgotten()].slice(-2)).toEqual([false, true]);
  // The third context is one too many: the oldest goes.
  await put(1, { table: "a", column: "" });
  await put(1, { table: "b", column: "" });
  expect(forgotten().filter((gone) => !gone)).toHaveLength(2);
  cached.clear();
  expect(forgotten().every((gone) => gone)).toBe(true);
  expect(() => createEncryption({ kms, keyId, cache: { ageMsMax: 0 } })).toThrow("ageMsMax");
});

test("the cache cannot be poisoned: contexts that look alike have their own entries", async () => {
  const { kms: seen, calls } = watched();
  const cached = createEncryption({ kms: seen, keyId });
  const alike = [{ ab: "c" }, { a: "bc" }, { "a\u0000b": "c" }, { a: "b", c: "" }, { "": "abc" }];
  const messages: Buffer[] = [];
  for (const of of alike) messages.push(await cached.encrypt(Buffer.from("x"), of));
  expect(calls).toHaveLength(alike.length);
  for (const [at, message] of messages.entries()) {
    for (const [other, of] of alike.entries()) {
      const reason = await refusal(cached.decrypt(message, of));
      expect(reason, `${at} ${other}`).toBe(at === other ? "" : "kms.ciphertextInvalid");
    }
  }
  // Two broken texts would both become U+FFFD.
  expect(await refusal(cached.encrypt(Buffer.from("x"), { a: "\ud800" }))).toBe("inputInvalid");
  const large = { a: "x".repeat(9_000) };
  expect(await refusal(cached.encrypt(Buffer.from("x"), large))).toBe("inputInvalid");
});

test("fields of a data key: equal for equal, apart by name and context, rewrapped", async () => {
  const fieldKey = await createFieldKey(kms, keyId, context);
  const fields = await openFields(kms, fieldKey, context);
  const email = fields.deterministic("email");
  const sealed = email.encrypt("ann@example.org");
  expect(email.encrypt("ann@example.org").equals(sealed)).toBe(true);
  expect(fields.deterministic("mail").encrypt("ann@example.org").equals(sealed)).toBe(false);
  expect(() => fields.deterministic("mail").decrypt(sealed)).toThrow("does not open");
  const phone = fields.formatPreserving("phone");
  expect(phone.encrypt("13800138000", "1")).not.toBe(phone.encrypt("13800138000", "2"));
  expect(() => phone.encrypt("12345")).toThrow("fewer than");
  expect(() => phone.encrypt("1380013800x")).toThrow("alphabet");
  await kit.post(`/keys/${keyId}:rotate`);
  const wrapped = await rewrapFieldKey(kms, fieldKey, { context });
  expect(wrapped.encryptedDataKey.equals(fieldKey.encryptedDataKey)).toBe(false);
  const again = await openFields(kms, wrapped, context);
  expect(again.deterministic("email").decrypt(sealed)).toBe("ann@example.org");
  expect(await refusal(openFields(kms, wrapped, {}))).toBe("kms.ciphertextInvalid");
});
