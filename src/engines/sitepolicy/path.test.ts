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

test("an ambiguous path is also what servers take it for that decode more, and what was sent", () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    "/a/..;/admin": ["/admin", "/a/..;/admin"],
    "/admin;x=1/y": ["/admin/y", "/admin;x=1/y"],
    "/%252561dmin": ["/admin", "/%2561dmin", "/%252561dmin"],
    "/x/..%2fadmin": ["/admin", "/x/..%2fadmin"],
    "/a\\..\\admin": ["/admin", "/a\\..\\admin"],
    "/a/%252e%252e/b": ["/b", "/a/%2e%2e/b", "/a/%252e%252e/b"],
    "/a/b": ["/a/b"],
    "/%61dmin": ["/admin"],
  };
  for (const [raw, readings] of Object.entries(cases)) {
    expect(viewPath(raw).readings, raw).toEqual(readings);
  }
});
