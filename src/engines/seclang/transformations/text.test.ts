import { expect, test } from "vitest";
import { lowercase } from "./text.ts";

test("lowercase changes the letters of ASCII and no other byte", () => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
  const wanted = all.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32));
  expect(lowercase(all)).toBe(wanted);
  expect(lowercase("User-Agent")).toBe("user-agent");
  expect(lowercase("\xc0 is no letter, and Z is")).toBe("\xc0 is no letter, and z is");
});
