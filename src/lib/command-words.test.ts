import { expect, test } from "vitest";
import { commandWords } from "./command-words.ts";

test("a command says what it does to what, also for verbs of two words and nouns that end with s", () => {
  const cases: Readonly<Record<string, string>> = {
    createSite: "site create",
    listPolicies: "policy list",
    reEncrypt: "key re-encrypt",
    dryRunRule: "rule dry-run",
    rollBackRuleSet: "rule-set roll-back",
    getTls: "tls get",
    setPages: "page set",
  };
  for (const [key, command] of Object.entries(cases)) {
    const { noun, verb } = commandWords(key, "/keys/{keyId}:encrypt", "kms");
    expect(`${noun} ${verb}`, key).toBe(command);
  }
});
