import { expect, test } from "vitest";
import { filledIn, tellerOf } from "./coded-text.ts";

const tell = tellerOf({
  "shop.sold": ["{count} of {name} were sold", "售出 {count} 件 {name}"],
});

test("a text is English, with its code and its values as texts", () => {
  expect(tell("shop.sold", { count: 3, name: "tea" })).toEqual({
    text: "3 of tea were sold",
    coded: { code: "shop.sold", values: { count: "3", name: "tea" } },
  });
});

test("what is filled in is not looked at again, and is not read as a pattern", () => {
  expect(tell("shop.sold", { count: 1, name: "{count} $& $1" }).text).toBe(
    "1 of {count} $& $1 were sold",
  );
});

test("a place without a value stays, also one that every object has", () => {
  expect(filledIn("{constructor} {b}", { b: "" })).toBe("{constructor} ");
});
