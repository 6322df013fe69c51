/**
 * The reference page: the OpenAPI document as one HTML page that needs no script and no other
 * host. Headings and lists carry the structure, so a keyboard and a screen reader find all of it.
 */
import { acceptedLanguage } from "../../lib/coded-text.ts";

type Json = Readonly<Record<string, unknown>>;

const WORDS = {
  en: {
    title: "API reference",
    skip: "Skip to the operations",
    contents: "Services",
    permission: "Permission",
    noSignIn: "Needs no sign-in",
    dangerous: "Cannot be undone",
    parameters: "Parameters",
    body: "Request body",
    responses: "Responses",
    name: "Name",
    place: "Place",
    required: "Required",
    schema: "Schema",
    yes: "yes",
    no: "no",
    other: "中文",
    otherLanguage: "zh-CN",
    source: "The document itself (OpenAPI 3.1)",
  },
  "zh-CN": {
    title: "API 参考",
    skip: "跳到操作",
    contents: "服务",
    permission: "权限",
    noSignIn: "无需登录",
    dangerous: "不可撤销",
    parameters: "参数",
    body: "请求体",
    responses: "响应",
    name: "名称",
    place: "位置",
    required: "必填",
    schema: "模式",
    yes: "是",
    no: "否",
    other: "English",
    otherLanguage: "en",
    source: "文档原文(OpenAPI 3.1)",
  },
} as const;

type Language = keyof typeof WORDS;
type Words = (typeof WORDS)[Language];

/** The stylesheet; a file of its own, since the content security policy allows no inline style. */
export const REFERENCE_STYLE = `:root { color-scheme: light dark; font: 16px/1.5 sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
.skip { position: absolute; left: -100rem; }
.skip:focus { position: static; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
article { border-top: 1px solid GrayText; padding: 0.5rem 0; }
code, pre { font-family: monospace; overflow-wrap: anywhere; }
pre { max-height: 24rem; overflow: auto; white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid GrayText; padding: 0.25rem 0.5rem; text-align: start; }
summary { cursor: pointer; }
`;

/** The language that was asked for by `?lang=`, else by `Accept-Language`, else English. */
export function referenceLanguage(query: string, acceptLanguage: string): Language {
  return acceptedLanguage(new URLSearchParams(query).get("lang") ?? acceptLanguage);
}

/** @param document what `openapiOf` makes. */
export function referencePage(document: Json, language: Language): string {
  const words = WORDS[language];
  const operations = operationsOf(document);
  const tags = listOf(document.tags).map(fieldsOf);
  const contents = tags.map(({ name }) => `<li><a href="#${esc(name)}">${esc(name)}</a></li>`);
  const sections = tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => listOf(operation.tags).includes(name));
    const articles = own.map((one) => articleOf(one, words)).join("\n");
    return `<section aria-labelledby="${esc(name)}"><h2 id="${esc(name)}">${esc(name)}</h2>
<p lang="en">${esc(description)}</p>
${articles}</section>`;
  });
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cordon: ${words.title}</title><link rel="stylesheet" href="/v1/reference.css"></head>
<body><a class="skip" href="#operations">${words.skip}</a>
<header><h1>Cordon: ${words.title}</h1>
<p><a href="/v1/reference?lang=${words.otherLanguage}" lang="${words.otherLanguage}"
>${words.other}</a> · <a href="/v1/openapi.json">${words.source}</a></p></header>
<nav aria-label="${words.contents}"><ul>${contents.join("")}</ul></nav>
<main id="operations" tabindex="-1">
${sections.join("\n")}
</main></body></html>
`;
}

type Listed = { readonly method: string; readonly path: string; readonly operation: Json };

/** Every operation of a document, in its order. */
function operationsOf(document: Json): Listed[] {
  return Object.entries(fieldsOf(document.paths)).flatMap(([path, item]) =>
    Object.entries(fieldsOf(item)).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation: fieldsOf(operation),
    })),
  );
}

function articleOf({ method, path, operation }: Listed, words: Words): string {
  const id = esc(operation.operationId);
  const marks = [
    `${words.permission}: <code>${esc(operation["x-cordon-action"])}</code>`,
    ...(Array.isArray(operation.security) ? [words.noSignIn] : []),
    ...(operation["x-cordon-dangerous"] === true ? [words.dangerous] : []),
  ];
  return `<article aria-labelledby="${id}"><h3 id="${id}"><code>${id}</code></h3>
<p lang="en">${esc(operation.summary)}</p>
<p><code>${method} ${esc(path)}</code></p><p>${marks.join(" · ")}</p>
${parametersOf(operation, words)}${bodyOf(operation, words)}
<h4>${words.responses}</h4>${responsesOf(operation)}</article>`;
}

function parametersOf(operation: Json, words: Words): string {
  const rows = listOf(operation.parameters).map((one) => {
    const { name, in: place, required, schema } = fieldsOf(one);
    return `<tr><th scope="row"><code>${esc(name)}</code></th><td>${esc(place)}</td>
<td>${required === true ? words.yes : words.no}</td>
<td><code>${esc(JSON.stringify(schema))}</code></td></tr>`;
  });
  if (rows.length === 0) return "";
  const heads = [words.name, words.place, words.required, words.schema]
    .map((head) => `<th scope="col">${head}</th>`)
    .join("");
  return `<h4>${words.parameters}</h4>
<table><thead><tr>${heads}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function bodyOf(operation: Json, words: Words): string {
  if (operation.requestBody === undefined) return "";
  return `<h4>${words.body}</h4>${schemasOf(fieldsOf(operation.requestBody))}`;
}

function responsesOf(operation: Json): string {
  return Object.entries(fieldsOf(operation.responses))
    .map(([code, response]) => {
      const { description } = fieldsOf(response);
      const schemas = code === "200" ? schemasOf(fieldsOf(response)) : "";
      return `<p><code>${esc(code)}</code> <span lang="en">${esc(description)}</span></p>${schemas}`;
    })
    .join("");
}

/** A schema as it is: JSON Schema, which says more than a drawing of it would. */
function schemasOf(holder: Json): string {
  return Object.entries(fieldsOf(holder.content))
    .map(([type, media]) => {
      const text = JSON.stringify(fieldsOf(media).schema, undefined, 2) ?? "";
      return `<details><summary><code>${esc(type)}</code></summary>
<pre tabindex="0">${esc(text)}</pre></details>`;
    })
    .join("");
}

function fieldsOf(value: unknown): Json {
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value))
    : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function esc(value: unknown): string {
  const text = typeof value === "string" ? value : "";
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
