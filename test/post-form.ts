/** A form posted as a browser does it, from the page that is open. */
import type { Page } from "playwright-core";

/** Runs in the page. */
const SUBMIT = `([action, entries]) => {
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action });
  for (const [name, value] of entries) {
    form.append(Object.assign(document.createElement("textarea"), { name, value }));
  }
  document.body.append(form);
  HTMLFormElement.prototype.submit.call(form);
}`;

/** Posts fields to a path of the page's own origin, and waits for the page that answers. */
export async function postForm(
  page: Page,
  path: string,
  fields: Readonly<Record<string, string>>,
): Promise<void> {
  const answered = page.waitForEvent("domcontentloaded");
  await page.evaluate(`(${SUBMIT})(${JSON.stringify([path, Object.entries(fields)])})`);
  await answered;
}
