import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Operations, startOperations } from "../../../test/service-kit.ts";
import { findCoreRuleSet } from "../../cli/up/rules.ts";
import { packRuleFiles, ruleFilesIn, unpackRuleFiles } from "../../kernel/rules/packed.ts";
import { archiveLimits, readRuleArchive } from "./rule-set-archive.ts";
import { readRuleSetApart } from "./rule-set-thread.ts";

let cordon: Operations;
beforeAll(async () => {
  cordon = await startOperations();
});
afterAll(() => cordon?.stop());

type Entry = readonly [name: string, content: string, more?: Partial<Header>];

async function archiveOf(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const [name, content, more] of entries) tar.entry({ name, ...more }, content);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar) if (Buffer.isBuffer(part)) parts.push(part);
  return gzipSync(Buffer.concat(parts));
}

const rule = (id: number, word = "planted") =>
  `SecRule ARGS "@contains ${word}" "id:${id},phase:2,deny,status:403,msg:'found',t:none"\n`;

/** Shaped as a release of the Core Rule Set is. */
const release = (version: string, rules = rule(100_001)): Entry[] => [
  ["coreruleset/", "", { type: "directory" }],
  ["coreruleset/tests/regression/a.yaml", "tests: []\n"],
  ["coreruleset/crs-setup.conf.example", `SecComponentSignature "OWASP_CRS/${version}"\n`],
  ["coreruleset/rules/REQUEST-901.conf", rules],
  ["coreruleset/rules/RESPONSE-999.conf.example", "not read"],
  ["coreruleset/rules/words.data", "one\ntwo\n"],
  ["coreruleset/rules/REQUEST-902.conf", 'SecRule ARGS "@pmFromFile words.data" "id:2,pass"\n'],
];

const importOf = async (entries: readonly Entry[]) =>
  cordon.api("POST", "/v1/waf/ruleSets", {
    archive: (await archiveOf(entries)).toString("base64"),
    origin: "crs.tar.gz",
  });

/** The first detail, with the words that say what is wrong. */
const messageOf = ({ error }: { error: { details: object[] } | undefined }) =>
  JSON.stringify(error?.details[0]);

async function newSite(host: string): Promise<string> {
  const site = { domains: [host], upstreams: ["http://127.0.0.1:3000"] };
  return (await cordon.api("POST", "/v1/waf/sites", site)).result.siteId;
}

test("a release is imported beside others, put on a site, taken back, and deleted when free", async () => {
  const { result: first } = await importOf(release("4.1.0"));
  expect(first).toMatchObject({ name: "OWASP_CRS", version: "4.1.0", rules: 2, files: 4 });
  expect(first.sha256).toMatch(/^[0-9a-f]{64}$/);
  const { result: second } = await importOf(release("4.2.0"));
  expect((await importOf(release("4.2.0"))).error?.reason).toBe("waf.ruleSetExists");
  const siteId = await newSite("sets.localhost");
  const path = `/v1/waf/sites/${siteId}`;
  const back = `${path}:rollBackRuleSet`;
  expect((await cordon.api("POST", back)).error?.reason).toBe("waf.noPreviousRuleSet");
  await cordon.api("PATCH", path, { ruleSetId: first.ruleSetId });
  await cordon.api("PATCH", path, { ruleSetId: second.ruleSetId, mode: "block" });
  await cordon.api("PATCH", path, { mode: "observe" });
  const remove = (ruleSetId: string) => cordon.api("DELETE", `/v1/waf/ruleSets/${ruleSetId}`);
  expect((await remove(second.ruleSetId)).error?.reason).toBe("waf.ruleSetInUse");
  const returned = await cordon.api("POST", back);
  expect(returned.result).toMatchObject({
    ruleSetId: first.ruleSetId,
    previousRuleSetId: second.ruleSetId,
  });
  const { result: listed } = await cordon.api("GET", "/v1/waf/ruleSets");
  const usedBy = listed.ruleSets.map(({ version, siteIds }: Record<string, unknown>) => [
    version,
    siteIds,
  ]);
  expect(usedBy).toEqual([
    ["4.2.0", []],
    ["4.1.0", [siteId]],
  ]);
  expect((await remove(second.ruleSetId)).code).toBe(200);
  expect((await cordon.api("POST", back)).error?.reason).toBe("waf.ruleSetNotFound");
  const explain = { target: "/?q=planted" };
  const { result } = await cordon.api("POST", `${path}:explain`, explain);
  expect(result.matches.map(({ ruleId }: { ruleId: number }) => ruleId)).toEqual([100_001]);
});

test("a fault is told by file and line, and nothing is kept", async () => {
  const before = (await cordon.api("GET", "/v1/waf/ruleSets")).result.totalCount;
  const broken = `${rule(5)}\nSecRule ARGS "@noSuchOperator x" "id:6,pass"\n`;
  const reply = await importOf(release("4.3.0", broken));
  expect(reply.error?.reason).toBe("waf.ruleSetInvalid");
  expect(reply.error?.details[0]?.path).toBe("/archive/rules/REQUEST-901.conf:3");
  const doubled = await importOf(release("4.3.1", rule(2)));
  expect(messageOf(doubled)).toContain("the id 2");
  const empty = await importOf([["rules/a.conf", "# nothing\n"]]);
  expect(messageOf(empty)).toContain("not one rule");
  const noTar = await cordon.api("POST", "/v1/waf/ruleSets", { archive: "AAAA" });
  expect(messageOf(noTar)).toContain("no gzip");
  expect((await cordon.api("GET", "/v1/waf/ruleSets")).result.totalCount).toBe(before);
});

test("a request is explained by another set than the site's, also by the scores of CRS 4", async () => {
  const scoring = `SecRule ARGS "@contains planted" "id:100002,phase:2,pass,msg:'found',\\
    setvar:tx.blocking_inbound_anomaly_score=+5"\n`;
  const { result: set } = await importOf(release("4.4.0", scoring));
  const siteId = await newSite("scored.localhost");
  const explain = { target: "/?q=planted", ruleSetId: set.ruleSetId };
  const { result } = await cordon.api("POST", `/v1/waf/sites/${siteId}:explain`, explain);
  expect(result).toMatchObject({ score: 5, wouldBlock: true });
  expect(result.matches).toMatchObject([{ ruleId: 100_002 }]);
});

test("a request without a host is explained as one for the site, since no other reaches it", async () => {
  const hosts = `SecRule &REQUEST_HEADERS:Host "@eq 0" "id:100003,phase:1,pass,msg:'none'"
SecRule REQUEST_HEADERS:Host "@streq asked.localhost" "id:100004,phase:1,pass,msg:'its own'"\n`;
  const { result: set } = await importOf(release("4.5.0", hosts));
  const siteId = await newSite("asked.localhost");
  const metBy = async (...headers: string[]) => {
    const asked = { target: "/", headers, ruleSetId: set.ruleSetId };
    const { result } = await cordon.api("POST", `/v1/waf/sites/${siteId}:explain`, asked);
    return result.matches.map(({ ruleId }: { ruleId: number }) => ruleId);
  };
  expect(await metBy()).toEqual([100_004]);
  expect(await metBy("Accept: */*")).toEqual([100_004]);
  expect(await metBy("host: other.localhost")).toEqual([]);
});

test("a site follows only a set that is there", async () => {
  const siteId = await newSite("unknown-set.localhost");
  const reply = await cordon.api("PATCH", `/v1/waf/sites/${siteId}`, {
    ruleSetId: "rset-zzzzzzzzzz",
  });
  expect(reply.error?.reason).toBe("waf.ruleSetNotFound");
});

describe("an archive is refused whole", () => {
  const cases: readonly (readonly [string, Entry])[] = [
    ["that leads out by ..", ["rules/../../../etc/x.conf", rule(1)]],
    ["with an absolute path", ["/etc/cron.d/x.conf", rule(1)]],
    ["with a symbolic link", ["rules/a.conf", "", { type: "symlink", linkname: "/etc/passwd" }]],
    ["with a hard link", ["rules/a.conf", "", { type: "link", linkname: "rules/b.conf" }]],
    ["with a device", ["rules/null.conf", "", { type: "character-device" }]],
    ["with rules in a deeper folder", ["rules/deep/a.conf", rule(1)]],
    ["with the same file twice", ["rules/REQUEST-902.conf", rule(1)]],
  ];
  test.each(cases)("%s", async (_what, entry) => {
    const sound: Entry = ["rules/REQUEST-902.conf", rule(9)];
    await expect(readRuleArchive(await archiveOf([sound]))).resolves.toBeDefined();
    await expect(readRuleArchive(await archiveOf([sound, entry]))).rejects.toThrow();
  });

  test("that unpacks to far more than it is", async () => {
    const zeros = "\0".repeat(archiveLimits.ratioMax * 1_048_576);
    const bomb = await archiveOf([["tests/zeros.bin", zeros]]);
    await expect(readRuleArchive(bomb)).rejects.toThrow("unpacks to more than");
  });

  test("that needs more memory than it may have", async () => {
    const rules = Array.from({ length: 40_000 }, (_, at) => rule(at + 1)).join("");
    const heapMibMax = 40;
    const read = await readRuleSetApart(await archiveOf(release("4.0.0", rules)), heapMibMax);
    expect(JSON.stringify(read)).toContain("more than 40 MiB of memory");
  });

  test("that ends too early", async () => {
    const whole = await archiveOf(release("4.0.0"));
    await expect(readRuleArchive(whole.subarray(0, 200))).rejects.toThrow("to its end");
  });
});

test("what gateways fetch cannot write beside its folder", () => {
  const packed = packRuleFiles(new Map([["rules/../../x", "y"]]));
  expect(() => unpackRuleFiles(packed)).toThrow("cannot hold");
});

const debian = findCoreRuleSet("/");
test.skipIf(debian === undefined)(
  "Debian's rule set is imported as it is installed (needs modsecurity-crs)",
  async () => {
    if (debian === undefined) return;
    const files = ruleFilesIn(debian.rulesFolder, debian.setupFile);
    const { result } = await importOf([...files].map(([name, text]): Entry => [name, text]));
    expect(result).toMatchObject({ name: "OWASP_CRS", version: debian.version });
    expect(result.rules).toBeGreaterThan(500);
  },
);
