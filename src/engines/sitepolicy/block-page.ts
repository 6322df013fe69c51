/** Pages of an operator for refused requests: HTML with a few placeholders, values escaped. */

/** What a placeholder may stand for. */
export const PLACEHOLDERS = ["requestId", "clientAddress", "status", "time"] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

const form = /\{\{([^{}]{0,64})\}\}/g;

/** The first placeholder that is none, as written; undefined when the page can be used. */
export function faultOfPage(html: string): string | undefined {
  for (const [whole, name = ""] of html.matchAll(form)) {
    if (!isPlaceholder(name)) return whole;
  }
  const opened = html.replace(form, "").indexOf("{{");
  return opened < 0 ? undefined : "{{";
}

const isPlaceholder = (name: string): name is Placeholder =>
  PLACEHOLDERS.some((one) => one === name);

/** Fills a page in; a value can never become markup, in text or in a quoted attribute. */
export function fillPage(html: string, values: Readonly<Record<Placeholder, string>>): string {
  return html.replace(form, (whole, name: string) =>
    isPlaceholder(name) ? escapeHtml(values[name]) : whole,
  );
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as HTML shows it. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
