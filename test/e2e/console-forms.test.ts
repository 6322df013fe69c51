/** What forms of the console send of what a person typed, emptied and left. */
import { expect, test } from "vitest";
import { type UiKey, vocabulary } from "../../console/src/messages/vocabulary.ts";
import { faultsByRow } from "../../console/src/resource/condition-fault.ts";
import { faultText } from "../../console/src/resource/fault-text.ts";
import {
  childrenOf,
  fieldsOf,
  filledGroup,
  readForm,
} from "../../console/src/resource/field-schema.ts";
import { relevantFields } from "../../console/src/resource/relevant-fields.ts";
import { catalog } from "../../src/catalog.ts";
import type { Operation } from "../../src/kernel/operation.ts";

const { updateSite, updateSitePolicy, createRoute } = catalog.waf.operations;
const { setReportSchedule } = catalog.appgateway.operations;
const policyFields = fieldsOf(updateSitePolicy).filter(({ name }) => name !== "siteId");

test("what was emptied in a change is sent as empty, and what was empty is left out", () => {
  const before = {
    blockPage: { status: 403, html: "no" },
    lists: [{ addressListId: "alist-0123456789", action: "allow" }],
    patches: [],
    secLang: "SecAction x",
  };
  expect(readForm(policyFields, {}, { before, leftOut: "stays" })).toEqual({
    input: { blockPage: null, lists: [], secLang: "" },
  });
});

test("a field that cannot be empty is needed where it would stay, and is the default elsewhere", () => {
  const domains = fieldsOf(updateSite).filter(({ name }) => name === "domains");
  const before = { domains: ["shop.example"], keptMax: 30 };
  expect(readForm(domains, {}, { before, leftOut: "stays" })).toEqual({
    faults: { domains: "required" },
  });
  const keptMax = fieldsOf(setReportSchedule).filter(({ name }) => name === "keptMax");
  expect(readForm(keptMax, {}, { before, leftOut: "default" })).toEqual({ input: {} });
});

test("something new leaves out what is empty, whatever its form began with", () => {
  const fields = fieldsOf(createRoute).filter(({ required }) => !required);
  expect(readForm(fields, {})).toEqual({ input: {} });
});

test("a group is sent with all that its schema needs, and as nothing when nothing is in it", () => {
  const group = (name: string) =>
    childrenOf(policyFields.find((field) => field.name === name)?.schema ?? {});
  expect(filledGroup({ status: 403 }, group("blockPage"))).toEqual({ status: 403, html: "" });
  expect(filledGroup({ html: "" }, group("blockPage"))).toEqual({});
  const { honeypotPaths, ...rest } = filledGroup({ badAgents: "block" }, group("bots"));
  expect([honeypotPaths, rest]).toEqual([[], { badAgents: "block" }]);
});

test("faults of a condition are told by the row that they are of", () => {
  const said =
    "all/1/any/0/values: needs a value; not/any/2/name: needs: a name; values: needs a value; is odd";
  expect([...faultsByRow(said)]).toEqual([
    ["2.1", "needs a value"],
    ["3", "needs: a name"],
    ["1", "needs a value"],
    ["", "is odd"],
  ]);
  expect(faultsByRow(undefined).size).toBe(0);
});

test("what a schema says of a field is told in the reader's language, by its label", () => {
  const { ui, field } = vocabulary("zh-CN");
  const words = {
    t: (key: UiKey, values: object = {}) =>
      Object.entries(values).reduce(
        (text, [name, value]) => text.replace(`{${name}}`, String(value)),
        ui[key],
      ),
    label: (name: string) => field[name] ?? name,
  };
  expect(faultText("must have required properties name, status", words)).toBe("必填：名称, 状态");
  expect(faultText("must not have more than 32 items", words)).toBe("最多 32 项");
  expect(faultText("names no upstream of this site", words)).toBe("names no upstream of this site");
});

test("a form asks for what the chosen kind has, and for all that it cannot do without", () => {
  const asked = (operation: Operation, kind: string) =>
    relevantFields(operation, fieldsOf(operation), () => kind).map(
      ({ name, required }) => name + (required ? "!" : ""),
    );
  const { createChannel, updateChannel } = catalog.notify.operations;
  expect(asked(createChannel, "email")).toEqual(
    expect.arrayContaining(["name!", "kind!", "to!", "from!", "smtpHost!", "smtpUser"]),
  );
  expect(asked(createChannel, "slack")).toEqual(expect.arrayContaining(["url!"]));
  expect(asked(createChannel, "slack")).not.toContain("smtpHost");
  expect(asked(updateChannel, "slack")).toEqual(expect.arrayContaining(["url"]));
  const { setUserAudit } = catalog.appgateway.operations;
  const audit = (source: string) => asked(setUserAudit, source).slice(2);
  expect(audit("off")).toEqual([]);
  expect(audit("clientCertificate")).toEqual(["hashUsers"]);
  expect(audit("header")).toEqual(["identityName!", "hashUsers"]);
  expect(audit("jwtClaim")).toEqual(expect.arrayContaining(["jwks", "jwtSecret"]));
});
