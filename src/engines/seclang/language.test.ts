/** Corners of the language that rules of other engines rely on. */
import { expect, test } from "vitest";
import { beginTransaction, compileRuleset, SecLangError } from "./engine.ts";
import { CONNECTION } from "./test-kit.ts";

type Request = {
  readonly target?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: string;
};

const compile = (rules: string, files: Readonly<Record<string, string>> = {}) =>
  compileRuleset([{ name: "test.conf", text: rules }], { dataFile: (_from, name) => files[name] });

function send(rules: string, given: Request = {}, files?: Readonly<Record<string, string>>) {
  const { target = "/", fields = {}, body = "" } = given;
  const transaction = beginTransaction(compile(rules, files), CONNECTION);
  transaction.requestLine("POST", target, "HTTP/1.1", `POST ${target} HTTP/1.1`);
  const verdict =
    transaction.requestHeaders(Object.keys(fields), Object.values(fields)) ??
    transaction.requestBody(body);
  const matches = transaction.matches();
  return {
    matches,
    ids: matches.map(({ ruleId }) => ruleId),
    status: verdict?.status,
    transaction,
  };
}

/** Faults of the rules; undefined when there is none. */
function faultOf(rules: string): string | undefined {
  try {
    compile(rules);
    return undefined;
  } catch (error) {
    return error instanceof SecLangError ? error.message : String(error);
  }
}

const rule = (id: number, what: string, more = ""): string =>
  `SecRule ${what} "id:${id},phase:2,pass,log,t:none,msg:'m${id}'${more}"\n`;

/** What a rule sees of a variable. */
const seen = (variable: string, given: Request = {}, before = ""): string[] =>
  send(`${before}\n${rule(9, `${variable} "@unconditionalMatch"`)}`, given).matches.map(
    ({ value }) => value,
  );

test("an update before its rule holds as one behind it", () => {
  const one = "SecRule ARGS \"@contains x\" \"id:1,phase:2,deny,t:none,log,msg:'m',tag:'t'\"\n";
  const statusOf = (update: string) => [
    send(`${one}${update}`, { target: "/?a=x" }).status,
    send(`${update}\n${one}`, { target: "/?a=x" }).status,
  ];
  expect(statusOf("")).toEqual([403, 403]);
  expect(statusOf("SecRuleRemoveById 1")).toEqual([undefined, undefined]);
  expect(statusOf("SecRuleRemoveByTag ^t$")).toEqual([undefined, undefined]);
  expect(statusOf("SecRuleUpdateTargetById 1 !ARGS:a")).toEqual([undefined, undefined]);
  expect(statusOf("SecRuleUpdateTargetById 1 !ARGS:b")).toEqual([403, 403]);
  expect(statusOf("SecRuleUpdateActionById 1 pass")).toEqual([undefined, undefined]);
});

test("an update may name several rules", () => {
  const rules = [1, 2, 3, 4].map((id) => rule(id, 'ARGS "@contains x"')).join("");
  const update = "SecRuleUpdateTargetById 1-2 4 !ARGS:a\n";
  expect(send(rules + update, { target: "/?a=x" }).ids).toEqual([3]);
});

test("a rule takes the place of a removed one of its id", () => {
  const rules = `${rule(1, 'ARGS "@contains x"')}SecRuleRemoveById 1\n${rule(1, 'ARGS "@contains y"')}`;
  expect(send(rules, { target: "/?a=x" }).ids).toEqual([]);
  expect(send(rules, { target: "/?a=y" }).ids).toEqual([1]);
});

test("a target takes the place of the one that the directive names", () => {
  const rules = `${rule(1, 'ARGS:a|ARGS:b "@contains x"')}SecRuleUpdateTargetById 1 ARGS:c ARGS:b\n`;
  const idsOf = (target: string) => send(rules, { target }).ids;
  expect(["/?a=x", "/?b=x", "/?c=x"].map(idsOf)).toEqual([[1], [], [1]]);
});

test("an update of actions changes what it names and leaves the rest", () => {
  const update = (text: string) =>
    send(
      `SecDefaultAction "phase:2,deny,status:418"
       SecRule ARGS "@contains x" "id:1,phase:2,drop,status:400,t:none,log,msg:'m',severity:5"
       SecRuleUpdateActionById 1 "${text}"`,
      { target: "/?a=X&b=x" },
    );
  expect(update("setvar:tx.hit=1").status).toBe(400);
  expect(update("status:451").status).toBe(451);
  expect(update("block").status).toBe(418);
  const [match] = update("msg:'other',severity:2,tag:'t'").matches;
  expect(match).toMatchObject({ message: "other", severity: "CRITICAL", tags: ["t"] });
  expect(update("t:lowercase").matches[0]?.variable).toBe("ARGS:a");
});

test("block in the defaults stands for what is beside it, and for nothing alone", () => {
  const rules = (defaults: string) =>
    `SecDefaultAction "phase:2,${defaults}"\n` +
    'SecRule ARGS "@contains x" "id:1,phase:2,block,t:none"';
  expect(send(rules("deny,block,status:400"), { target: "/?a=x" }).status).toBe(400);
  expect(faultOf(rules("log,block"))).toContain("says block");
  expect(faultOf(rules("deny,t:none"))).toContain("t:none");
  expect(faultOf(rules("deny,id:7"))).toContain("id");
});

test("a link of a chain may say the status that the chain ends with", () => {
  const rules =
    'SecRule ARGS:a "@contains x" "id:1,phase:2,deny,t:none,chain"\n' +
    'SecRule ARGS:b "@contains y" "t:none,status:451"';
  expect(send(rules, { target: "/?a=x&b=y" }).status).toBe(451);
  expect(send(rules, { target: "/?a=x" }).status).toBeUndefined();
});

test("what happens may stand in a link of a chain, and needs all of it", () => {
  const rules =
    'SecRule ARGS:a "@contains x" "id:1,phase:2,t:none,pass,chain"\n' +
    'SecRule ARGS:b "@contains y" "t:none,deny,status:451"';
  expect(send(rules, { target: "/?a=x&b=y" }).status).toBe(451);
  expect(send(rules, { target: "/?a=x" }).status).toBeUndefined();
});

test("MATCHED_VARS has what all links before have matched", () => {
  const rules =
    rule(1, 'ARGS:a "@contains x"', ",chain") +
    'SecRule ARGS:b "@contains y" "t:none,chain"\n' +
    'SecRule MATCHED_VARS "@contains x" "t:none,setvar:tx.names=%{MATCHED_VAR_NAME}"';
  const { ids, transaction } = send(rules, { target: "/?a=x&b=y" });
  expect([...new Set(ids)]).toEqual([1]);
  expect(transaction.variable("TX", "names")).toBe("MATCHED_VARS:ARGS:a");
});

test("with multiMatch each form that matches counts", () => {
  const rules = rule(
    1,
    'ARGS "@contains x"',
    ",t:lowercase,t:removeWhitespace,multiMatch,setvar:tx.n=+1",
  );
  const countOf = (target: string) => send(rules, { target }).transaction.variable("TX", "n");
  expect(["/?a=x", "/?a=Y+x", "/?a=Y+X"].map(countOf)).toEqual(["1", "3", "2"]);
});

test("a rule can say what it is called", () => {
  const actions = ",rev:3,severity:2,logdata:'d',setvar:'tx.k=%{rule.id} %{rule.msg} %{RULE.rev}'";
  const { transaction } = send(rule(1, 'ARGS "@contains x"', actions), { target: "/?a=x" });
  expect(transaction.variable("TX", "k")).toBe("1 m1 3");
  const of = (key: string) => rule(1, `RULE:${key} "@rx ^(?:d|m1|2|3)$"`, actions);
  for (const key of ["msg", "logdata", "severity", "rev"]) expect(send(of(key)).ids).toEqual([1]);
});

test("setsid, setuid and setrsc open their collections and are told of", () => {
  const before = `SecAction "id:1,phase:1,pass,nolog,setsid:s%{REMOTE_PORT},setuid:u,setrsc:r"
    SecAction "id:2,phase:1,pass,nolog,setvar:session.n=+2,setvar:user.n=3,setvar:resource.n=4"`;
  expect(seen("SESSIONID|USERID", {}, before)).toEqual(["s40000", "u"]);
  expect(seen("SESSION:n|USER:n|RESOURCE:n", {}, before)).toEqual(["2", "3", "4"]);
});

test("setenv sets what ENV has, and nothing else is in it", () => {
  const before = `SecAction "id:1,phase:1,pass,nolog,setenv:'mark=a=%{REMOTE_PORT}'"`;
  expect(seen("ENV", {}, before)).toEqual(["a=40000"]);
  expect(seen("ENV:PATH")).toEqual([]);
});

test("a variable ends when expirevar says so, and is no variable of its own", () => {
  const before = `SecAction "id:1,phase:1,pass,nolog,initcol:ip=x,setvar:ip.a=1,setvar:ip.b=2"
    SecAction "id:2,phase:1,pass,nolog,expirevar:ip.a=0,expirevar:ip.b=60"`;
  expect(seen("&IP", {}, before)).toEqual(["1"]);
  expect(seen("IP", {}, before)).toEqual(["2"]);
  const again = `${before}\nSecAction "id:3,phase:1,pass,nolog,setvar:ip.a=+5"`;
  expect(seen("IP:a", {}, again)).toEqual(["5"]);
});

test("URLENCODED_ERROR tells of a percent sign without its digits, in the query or the body", () => {
  const form = { "Content-Type": "application/x-www-form-urlencoded" };
  const errorOf = (given: Request) => seen("URLENCODED_ERROR", given);
  expect(errorOf({ target: "/?a=%2" })).toEqual(["1"]);
  expect(errorOf({ target: "/?a=%2a" })).toEqual(["0"]);
  expect(errorOf({ fields: form, body: "a=%A%AC" })).toEqual(["1"]);
  expect(errorOf({ fields: form, body: "a=%AC" })).toEqual(["0"]);
});

test("REMOTE_USER is who the client says it is", () => {
  expect(seen("REMOTE_USER", { fields: { Authorization: "Basic YW5uOng6eQ==" } })).toEqual(["ann"]);
  expect(seen("REMOTE_USER", { fields: { Authorization: "Bearer YW5uOng6eQ==" } })).toEqual([""]);
});

test("FULL_REQUEST has line, fields and body", () => {
  const request = { target: "/p", fields: { "X-A": "one" }, body: "text" };
  expect(seen("FULL_REQUEST", request)).toEqual(["POST /p HTTP/1.1\nX-A: one\n\ntext"]);
  expect(seen("FULL_REQUEST_LENGTH", request)).toEqual(["31"]);
});

test("FILES_TMP_CONTENT has the content of files under their names", () => {
  const body =
    '--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n<?php\r\n--x--\r\n';
  const rules = rule(1, 'FILES_TMP_CONTENT "@contains <?php"');
  const fields = { "Content-Type": "multipart/form-data; boundary=x" };
  expect(send(rules, { fields, body }).matches[0]?.variable).toBe("FILES_TMP_CONTENT:f");
});

test("a search that gives up is told by variables of its own, too", () => {
  const rules =
    rule(1, 'ARGS:a "@rx ^(a+)(a+)(a+)(a+)\\1\\2\\3\\4b(?<!ab)$"') +
    rule(2, 'MSC_PCRE_LIMITS_EXCEEDED|MSC_PCRE_ERROR "@eq 1"');
  expect(send(rules, { target: `/?a=${"a".repeat(3_000)}b` }).ids).toEqual([2, 2]);
  expect(send(rules, { target: "/?a=q" }).ids).toEqual([]);
});

test("limits of a rule set make a body one that cannot be read", () => {
  const before = 'SecAction "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"\n';
  const errorOf = (limit: string, body: string) =>
    seen("REQBODY_ERROR", { target: "/?a=1", body }, `${before}${limit}`);
  expect(errorOf("SecArgumentsLimit 3", '{"b":1,"c":2}')).toEqual(["0"]);
  expect(errorOf("SecArgumentsLimit 2", '{"b":1,"c":2}')).toEqual(["1"]);
  expect(errorOf("SecRequestBodyJsonDepthLimit 2", '{"b":{"c":2}}')).toEqual(["0"]);
  expect(errorOf("SecRequestBodyJsonDepthLimit 1", '{"b":{"c":2}}')).toEqual(["1"]);
});

test("urlDecodeUni reads characters by the code page of SecUnicodeMapFile", () => {
  const text = "1251 (Cyrillic)\n0434:64 043e:6f 0440:70\n20127 (US-ASCII)\n201c:22\n";
  const rules = (codePage: string) =>
    `SecUnicodeMapFile unicode.mapping ${codePage}\n${rule(1, 'ARGS "@streq dop"', ",t:urlDecodeUni")}`;
  const idsOf = (codePage: string) =>
    send(rules(codePage), { target: "/?a=%25u0434%25u043e%25u0440" }, { "unicode.mapping": text })
      .ids;
  expect(idsOf("1251")).toEqual([1]);
  expect(idsOf("20127")).toEqual([]);
  expect(() => idsOf("1252")).toThrow("code page");
});

test("a path of XML selects what it says, and one that is not known the whole text", () => {
  const body =
    '<a:shop xmlns:a="urn:a"><book id="1"><price>5</price><t>x<b>y</b>z</t></book>' +
    '<book id="2" kind="k"><price>7</price><price/></book></a:shop>';
  const before = `SecAction "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=XML"`;
  const of = (path: string) => seen(`XML:${path}`, { body }, before);
  expect(of("/*")).toEqual(["5xyz7"]);
  expect(of("/a:shop/book/price")).toEqual(["5", "7", ""]);
  expect(of("/other:shop/book/price[text()]")).toEqual(["5", "7"]);
  expect(of("//t")).toEqual(["xyz"]);
  expect(of("//t/text()")).toEqual(["x", "z"]);
  expect(of("/*/*/@id")).toEqual(["1", "2"]);
  expect(of("//book/@*")).toEqual(["1", "2", "k"]);
  expect(of("//t//text()")).toEqual(["x", "y", "z"]);
  expect(of("/shop/book")).toEqual([]);
  expect(of("//book[1]/price")).toEqual(["5xyz7"]);
  expect(seen("&XML://price", { body }, before)).toEqual(["3"]);
  expect(seen("XML://price", { body })).toEqual([]);
});

test("what a rule calls secret is not told, of matches before neither", () => {
  const one = rule(1, 'ARGS|REQUEST_URI "@contains hunter"', ",logdata:'%{MATCHED_VAR}'");
  const request = { target: "/?user=ann&pass=hunter2" };
  const told = (more: string) =>
    send(`${one}${more}`, request).matches.map(({ value, logData }) => [value, logData]);
  expect(told("")).toEqual([
    ["hunter2", "/?user=ann&pass=hunter2"],
    ["/?user=ann&pass=hunter2", "/?user=ann&pass=hunter2"],
  ]);
  const hidden = [
    ["*******", "***********************"],
    ["/?user=ann&pass=*******", "/?user=ann&pass=*******"],
  ];
  expect(told('SecAction "id:2,phase:2,pass,nolog,sanitiseArg:pass"')).toEqual(hidden);
  const byName = 'SecRule ARGS_NAMES "@streq pass" "id:2,phase:1,pass,nolog,sanitiseMatched"';
  expect(told(byName)).toEqual(hidden);
});

test("a secret is not told in the form in which it was sent", () => {
  const rules = `SecAction "id:1,phase:1,pass,nolog,sanitiseArg:pass"\n${rule(2, 'REQUEST_URI "@rx hun"')}`;
  const [match] = send(rules, { target: "/?p%61ss=hun%74er+2" }).matches;
  expect(match?.value).toBe("/?p%61ss=**********");
});

test("of a secret that a report cuts no part is told", () => {
  const secret = "0123456789".repeat(60);
  const rules =
    'SecAction "id:1,phase:1,pass,nolog,sanitiseArg:pass"\n' +
    rule(2, 'REQUEST_URI "@rx 012345|&z="');
  const told = send(rules, { target: `/?pass=${secret}&z=1` }).matches.map(({ value }) => value);
  expect(told.join()).not.toMatch(/\d{3}/);
});

test("a secret header is seen by rules, and its cookies are secret with it", () => {
  const rules =
    'SecAction "id:1,phase:1,pass,nolog,sanitiseRequestHeader:Cookie"\n' +
    rule(2, 'REQUEST_HEADERS:Cookie|REQUEST_COOKIES:sid "@contains s3cret"');
  const { matches } = send(rules, { fields: { Cookie: "sid=s3cret" } });
  expect(matches.map(({ value }) => value)).toEqual(["**********", "******"]);
});

test("a limit that is no number is a fault", () => {
  expect(faultOf("SecCollectionTimeout soon")).toContain("wants a number");
  expect(faultOf("SecArgumentsLimit 100")).toBeUndefined();
});

test("no entity is read from outside, which a rule set may say but not change", () => {
  expect(faultOf("SecXmlExternalEntity Off")).toBeUndefined();
  expect(faultOf("SecXmlExternalEntity On")).toContain("secxmlexternalentity");
});

test("a namespace without its name is a fault", () => {
  const action = (text: string) => faultOf(`SecAction "id:1,${text}"`);
  expect(action("xmlns:soap=http://schemas.example/")).toBeUndefined();
  expect(action("xmlns:soap'http://schemas.example/'")).toContain("prefix=name");
  expect(action("xmlns:=")).toContain("prefix=name");
});

test("WEBAPPID is what SecWebAppId says", () => {
  expect(seen("WEBAPPID", {}, "SecWebAppId shop")).toEqual(["shop"]);
});
