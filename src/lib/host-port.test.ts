import { expect, test } from "vitest";
import { hostPort } from "./host-port.ts";

test("an address of any family makes a URL that can be opened", () => {
  const cases = { "127.0.0.1": "127.0.0.1:9443", "::1": "[::1]:9443", localhost: "localhost:9443" };
  for (const [host, text] of Object.entries(cases)) {
    expect(new URL(`https://${hostPort({ host, port: 9443 })}/`).host, host).toBe(text);
  }
});
