/** AES-SIV: the vectors of RFC 5297, appendix A, and what must not open. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { sivDecrypt, sivEncrypt } from "./aes-siv.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

const VECTORS = [
  {
    name: "A.1, deterministic",
    key: hex("fffefdfc fbfaf9f8 f7f6f5f4 f3f2f1f0 f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff"),
    associated: [hex("10111213 14151617 18191a1b 1c1d1e1f 20212223 24252627")],
    plaintext: hex("11223344 55667788 99aabbcc ddee"),
    sealed: hex("85632d07 c6e8f37f 950acd32 0a2ecc93 40c02b96 90c4dc04 daef7f6a fe5c"),
  },
  {
    name: "A.2, with a nonce",
    key: hex("7f7e7d7c 7b7a7978 77767574 73727170 40414243 44454647 48494a4b 4c4d4e4f"),
    associated: [
      hex(
        "00112233 44556677 8899aabb ccddeeff deaddada deaddada ffeeddcc bbaa9988 77665544 33221100",
      ),
      hex("10203040 50607080 90a0"),
      hex("09f91102 9d74e35b d84156c5 635688c0"),
    ],
    plaintext: Buffer.from("this is some plaintext to encrypt using SIV-AES"),
    sealed: hex(
      "7bdb6e3b 432667eb 06f4d14b ff2fbd0f cb900f2f ddbe4043 26601965 c889bf17" +
        "dba77ceb 094fa663 b7a3f748 ba8af829 ea64ad54 4a272e9c 485b62a3 fd5c0d",
    ),
  },
];

test.each(VECTORS)("RFC 5297 $name", ({ key, associated, plaintext, sealed }) => {
  expect(sivEncrypt(key, associated, plaintext).toString("hex")).toBe(sealed.toString("hex"));
  expect(sivDecrypt(key, associated, sealed).toString("hex")).toBe(plaintext.toString("hex"));
});

test("any length comes back, and no changed byte does", () => {
  const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((one) => Buffer.from(one));
  const key = Buffer.alloc(64, 7);
  fc.assert(
    fc.property(bytes(70), bytes(40), fc.nat(), (plaintext, associated, at) => {
      const sealed = sivEncrypt(key, [associated], plaintext);
      expect(sivDecrypt(key, [associated], sealed).equals(plaintext)).toBe(true);
      const place = at % sealed.length;
      sealed.writeUInt8((sealed[place] ?? 0) ^ 0x80, place);
      expect(() => sivDecrypt(key, [associated], sealed)).toThrow("does not open");
    }),
  );
});

test("associated data are kept apart, and a key of another length is refused", () => {
  const key = Buffer.alloc(32, 1);
  const [a, b] = [Buffer.from("ab"), Buffer.from("c")];
  const sealed = sivEncrypt(key, [a, b], Buffer.from("x"));
  for (const other of [[Buffer.from("a"), Buffer.from("bc")], [Buffer.from("abc")], [b, a], []]) {
    expect(() => sivDecrypt(key, other, sealed)).toThrow("does not open");
  }
  expect(() => sivEncrypt(Buffer.alloc(33), [], Buffer.from("x"))).toThrow("33 bytes");
  expect(() => sivDecrypt(key, [], Buffer.alloc(15))).toThrow("does not open");
});
