/**
 * Writes the folder of a new service in the house's shape, with one resource that can be listed
 * and created, and prints the lines to add elsewhere: `node tools/new-service.ts NAME`.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const NAME = /^[a-z][a-z0-9]{1,30}$/;

/** The service's files by path. @throws RangeError when the name cannot be one. */
export function serviceFiles(name: string): Readonly<Record<string, string>> {
  if (!NAME.test(name)) {
    throw new RangeError(`Cannot name a service "${name}": wanted 2 to 31 of a-z and 0-9`);
  }
  const folder = `src/services/${name}`;
  const title = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  return {
    [`${folder}/README.md`]: `# ${title}\n\nWhat it does, its words, its states, its limits, and how to try it.\n`,
    [`${folder}/contract.ts`]: contractText(name, title),
    [`${folder}/domain.ts`]: domainText(name),
    [`${folder}/store.ts`]: storeText(name, title),
    [`${folder}/service.ts`]: serviceText(name),
    [`${folder}/${name}.test.ts`]: testText(name),
  };
}

/** The lines to add, by file; `number` is the next migration's. */
export function linesToAdd(name: string, number: string): Readonly<Record<string, string>> {
  return {
    [`src/migrations/${number}-${name}.sql`]: migrationText(name),
    "src/catalog.ts (imports)": `import { ${name}Contract } from "./services/${name}/contract.ts";`,
    "src/catalog.ts (catalog)": `  ${name}: ${name}Contract,`,
    "src/app/services.ts (imports)": `import { ${name}Service } from "../services/${name}/service.ts";`,
    "src/app/services.ts (services in buildServices)": `    ${name}Service(),`,
    "README.md (state of the services)": `| [${name}](src/services/${name}/README.md) | … | … |`,
  };
}

function contractText(name: string, title: string): string {
  return `/** ${title}: what it keeps and what can be asked of it. */
import Type, { type Static } from "typebox";
import {
  contract,
  idSchema,
  input,
  listInput,
  listOutput,
  Name,
  operation,
  Time,
} from "../../kernel/operation.ts";

export const Item = Type.Object({
  itemId: idSchema("item"),
  name: Name,
  createTime: Time,
});
export type Item = Static<typeof Item>;

export const ${name}Contract = contract({
  service: "${name}",
  title: "${title}",
  summary: "One sentence that says what it is for",
  resources: [
    {
      name: "item",
      idField: "itemId",
      idPrefix: "item",
      titleField: "name",
      columns: ["name", "createTime"],
      list: "listItems",
      create: "createItem",
    },
  ],
  operations: {
    listItems: operation({
      name: "${name}.listItems",
      summary: "List items",
      method: "GET",
      path: "/items",
      action: "${name}:ListItems",
      resource: "item/*",
      input: listInput({}),
      output: listOutput("items", Item),
    }),
    createItem: operation({
      name: "${name}.createItem",
      summary: "Create an item",
      method: "POST",
      path: "/items",
      action: "${name}:CreateItem",
      resource: "item/*",
      input: input({ name: Name }),
      output: Item,
      problems: ["${name}.itemLimit"],
    }),
  },
  problems: {
    "${name}.itemLimit": {
      code: 409,
      message: "This account has as many items as an account may have",
      fix: "Delete those that are not needed any more",
    },
  },
  events: ["${name}.itemCreated"],
});
`;
}

function domainText(name: string): string {
  return `/** Rules of items. */
import { Problem } from "../../kernel/problem.ts";
import type { Item } from "./contract.ts";

export const limits = { itemsMax: 1_000 } as const;

/** The new item. @throws Problem ${name}.itemLimit. */
export function newItem(item: Item, known: readonly Item[]): Item {
  if (known.length >= limits.itemsMax) throw new Problem("${name}.itemLimit");
  return item;
}
`;
}

function storeText(name: string, title: string): string {
  return `/** The table of items. */
import type { Sql } from "../../kernel/store/database.ts";
import type { Item } from "./contract.ts";

/** ${title}'s queries; \`sql\` is bound to the transaction of the call. */
export function ${name}Store(sql: Sql) {
  return {
    list: (accountId: string) => sql<Item>\`
      select item_id, name, create_time from ${name}_item
      where account_id = \${accountId} order by create_time desc\`,

    async insert(accountId: string, item: Item) {
      await sql\`
        insert into ${name}_item (account_id, item_id, name, create_time)
        values (\${accountId}, \${item.itemId}, \${item.name}, \${item.createTime})\`;
    },
  };
}
`;
}

function serviceText(name: string): string {
  return `/** Handlers of items. */
import { timeText } from "../../kernel/context.ts";
import { type Service, service } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { ${name}Contract } from "./contract.ts";
import { newItem } from "./domain.ts";
import { ${name}Store } from "./store.ts";

/** The ${name} service. */
export function ${name}Service(): Service {
  return service(${name}Contract, {
    async listItems({ sql, accountId }, input) {
      const items = await ${name}Store(sql).list(accountId);
      const page = pageInMemory(items, input, ["itemId", "name"]);
      return { items: page.items, totalCount: page.totalCount };
    },
    async createItem(context, { name }) {
      const store = ${name}Store(context.sql);
      const itemId = context.newId("item");
      const given = { itemId, name, createTime: timeText(context.nowMs) };
      const item = newItem(given, await store.list(context.accountId));
      await store.insert(context.accountId, item);
      await context.emit({ type: "${name}.itemCreated", message: \`Item \${name} was created\` });
      return item;
    },
  });
}
`;
}

function testText(name: string): string {
  return `import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, PASSWORD, startOperations } from "../../../test/service-kit.ts";
import { ${name}Service } from "./service.ts";

let cordon: Operations;
beforeAll(async () => {
  cordon = await startOperations([${name}Service()]);
});
afterAll(() => cordon?.stop());

test("an item that was created is listed for its account and for no other", async () => {
  const made = await cordon.api("POST", "/v1/${name}/items", { name: "first" });
  expect(made.result.name).toBe("first");
  expect((await cordon.api("GET", "/v1/${name}/items")).result.items).toEqual([made.result]);
  const other = { name: "other", userName: "eve", password: PASSWORD };
  await cordon.api("POST", "/v1/account/accounts", other);
  const eve = await cordon.keyOf("other", "eve");
  expect((await cordon.api("GET", "/v1/${name}/items", undefined, eve)).result.totalCount).toBe(0);
});
`;
}

function migrationText(name: string): string {
  const table = `${name}_item`;
  return `create table ${table} (
  account_id  text not null references account,
  item_id     text primary key,
  name        text not null,
  create_time timestamptz not null
);
select keep_by_account('${table}');
`;
}

function main(name: string): void {
  const root = join(import.meta.dirname, "..");
  const files = serviceFiles(name);
  if (existsSync(join(root, "src", "services", name))) {
    throw new RangeError(`Cannot write src/services/${name}: it exists`);
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const last =
    readdirSync(join(root, "src", "migrations"))
      .toSorted()
      .at(-1) ?? "0000";
  const number = String(Number(last.slice(0, 4)) + 1).padStart(4, "0");
  for (const [place, lines] of Object.entries(linesToAdd(name, number))) {
    process.stdout.write(`${place}\n${lines}\n\n`);
  }
}

if (import.meta.main) main(process.argv[2] ?? "");
