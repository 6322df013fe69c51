import { expect, test } from "vitest";
import { viewPath } from "./path.ts";

test("a path is read once decoded, without dot segments and doubled slashes, before its query", () => {
  const cases: Readonly<Record<string, string>> = {
    "/a/b?c=/../d": "/a/b",
    "/%61dmin": "/admin",
    "/a/./b/../c": "/a/c",
    "/../../a": "/a",
    "//a///b": "/a/b",
    "/a/..": "/",
    "/a/": "/a/",
  };
  for (const [raw, normal] of Object.entries(cases)) expect(viewPath(raw).normal, raw).toBe(normal);
});

test("what two servers could read differently is ambiguous, an ordinary encoded name is not", () => {
  for (const raw of [
    "/a%2fb",
    "/a%5cb",
    "/%2e%2e/a",
    "/a%00",
    "/a%252e",
    "/a;b",
    "/a\\b",
    "/a/../b",
  ]) {
    expect(viewPath(raw).isAmbiguous, raw).toBe(true);
  }
  for (const raw of ["/", "/a/b.html", "/%E4%BD%A0%20x.png", "/100%25", "/..a/b.."]) {
    expect(viewPath(raw).isAmbiguous, raw).toBe(false);
  }
});
