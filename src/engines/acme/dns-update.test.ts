/** The update message against bytes written out by hand from RFC 2136 and RFC 8945. */
import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { updateFault, writeUpdate } from "./dns-update.ts";

const update = {
  zone: "a.test",
  name: "_acme-challenge.A.test.",
  value: "proof",
  ttlSeconds: 60,
  action: "present",
} as const;
const key = { name: "k", secret: Buffer.from("secret") };
const when = { id: 0x1234, nowSeconds: 0x010203040506 };

const ZONE = "01610474657374000006" + "0001";
const NAME = "0f5f61636d652d6368616c6c656e6765" + "0161" + "047465737400";
const KEY = "016b00";
const ALGORITHM = "0b686d61632d73686132353600";
const TIMES = "010203040506" + "012c";

test("an added record is class IN with its lifetime, signed over the message without TSIG", () => {
  const record = `${NAME}001000010000003c00060570726f6f66`;
  const plain = `12342800${"0001000000010000"}${ZONE}${record}`;
  const variables = `${KEY}00ff00000000${ALGORITHM}${TIMES}${"00000000"}`;
  const mac = createHmac("sha256", "secret").update(Buffer.from(plain + variables, "hex"));
  const data = `${ALGORITHM}${TIMES}0020${mac.digest("hex")}${"123400000000"}`;
  const length = (data.length / 2).toString(16).padStart(4, "0");
  const signed = plain.replace("0001000000010000", "0001000000010001");
  const wanted = `${signed}${KEY}00fa00ff00000000${length}${data}`;
  expect(writeUpdate(update, key, when).toString("hex")).toBe(wanted);
});

test("a removed record is class NONE without lifetime, so that no other record goes", () => {
  const hex = writeUpdate({ ...update, action: "remove" }, key, when).toString("hex");
  expect(hex).toContain(`${NAME}001000fe000000000006`);
});

test("a refusal is told in words, and an answer to another question is none", () => {
  expect(updateFault(Buffer.from("1234a8000001000000010000", "hex"), 0x1234)).toBe("");
  expect(updateFault(Buffer.from("1234a8090001000000010000", "hex"), 0x1234)).toMatch(/^NOTAUTH/);
  expect(updateFault(Buffer.from("1235a8000001000000010000", "hex"), 0x1234)).not.toBe("");
});
