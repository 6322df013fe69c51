import { expect, test } from "vitest";
import { wafContract as waf } from "../services/waf/contract.ts";
import { readFlags } from "./flags.ts";

const read = (name: keyof typeof waf.operations, ...args: string[]) =>
  readFlags(waf.operations[name], args).input;

test("a field that may be null takes its number, its object, or null", () => {
  const given = ["--upload-bytes-max", "50000000", "--paranoia-level=null", "--mode", "observe"];
  expect(read("createRoute", ...given, "--bypass", "true")).toEqual({
    uploadBytesMax: 50_000_000,
    paranoiaLevel: null,
    mode: "observe",
    bypass: true,
  });
  const when = { field: "path", operator: "startsWith", values: ["/admin"] };
  const rule = ["--when", JSON.stringify(when), "--action", '{"kind":"block"}', "--name", "1"];
  expect(read("createCustomRule", ...rule)).toEqual({
    when,
    action: { kind: "block" },
    name: "1",
  });
});

test("what is no value of its field goes as it was written, so that the API can name the fault", () => {
  expect(read("createRoute", "--upload-bytes-max", "50 MB")).toEqual({ uploadBytesMax: "50 MB" });
  expect(read("createCustomRule", "--when", "{broken")).toEqual({ when: "{broken" });
});

test("a list is given one by one, or as JSON", () => {
  const patch = { patchId: "CVE-2021-44228", action: "block", expiresAt: null };
  const text = JSON.stringify(patch);
  const both = { patches: [patch, patch] };
  expect(read("updateSitePolicy", "--patch", text, "--patch", text)).toEqual(both);
  expect(read("updateSitePolicy", "--patches", `[${text},${text}]`)).toEqual(both);
  expect(read("updateSitePolicy", "--patches", "[]")).toEqual({ patches: [] });
  const domains = ["a.test", "b.test"];
  expect(read("createSite", "--domains", JSON.stringify(domains))).toEqual({ domains });
  expect(read("createSite", "--trusted-proxy", "192.0.2.1")).toEqual({
    trustedProxies: ["192.0.2.1"],
  });
  expect(read("createSite", "--domain", "[not json")).toEqual({ domains: ["[not json"] });
});
