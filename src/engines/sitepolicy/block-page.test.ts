import { expect, test } from "vitest";
import { faultOfPage, fillPage } from "./block-page.ts";

const values = { requestId: `"><script>`, clientAddress: "'&", status: "403", time: "now" };

test("what is filled in is text, in markup and in attributes of either quote", () => {
  const html = `<a title="{{requestId}}" id='{{clientAddress}}'>{{requestId}} {{status}}</a>`;
  const text = "&quot;&gt;&lt;script&gt;";
  const wanted = `<a title="${text}" id='&#39;&amp;'>${text} 403</a>`;
  expect(fillPage(html, values)).toBe(wanted);
});

test("what is filled in is not filled in again, and replacement patterns mean nothing", () => {
  const odd = { ...values, requestId: "{{status}} $& $1" };
  expect(fillPage("{{requestId}}", odd)).toBe("{{status}} $&amp; $1");
});

test("a placeholder of another name, or one left open, is a fault", () => {
  expect(faultOfPage("<p>{{requestId}} {{time}}</p>")).toBeUndefined();
  expect(faultOfPage("{{cookie}}")).toBe("{{cookie}}");
  expect(faultOfPage("{{ status }}")).toBe("{{ status }}");
  expect(faultOfPage("{{requestId")).toBe("{{");
});
