/**
 * Runs the example: makes a key and the tables, inserts, looks up, masks, rotates, rewraps, and
 * prints each step as a line of JSON. Settings: CORDON, KEY, DATABASE_URL, NODE_EXTRA_CA_CERTS.
 */
import pg from "pg";
import { httpKms } from "../../packages/encryption-client/src/index.ts";
import { createTables, openCustomers } from "./customers.ts";

const { CORDON: url = "", KEY: bearerKey = "", DATABASE_URL: connectionString } = process.env;

async function api(path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(new URL(path, url), {
    method: "POST",
    headers: { authorization: `Bearer ${bearerKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer: unknown = await response.json();
  if (response.ok && typeof answer === "object" && answer !== null && "result" in answer) {
    return { ...(answer.result as object) };
  }
  throw new Error(`${path}: ${JSON.stringify(answer)}`);
}

const told = (step: string, facts: object) => console.log(JSON.stringify({ step, ...facts }));

const database = new pg.Client({ connectionString });
await database.connect();
const kms = httpKms({ url, credential: { bearerKey } });
const keyId = String((await api("/v1/kms/keys", { description: "customers" })).keyId);
await createTables(database);
const customers = await openCustomers(database, kms, keyId);

for (const [at, name] of ["ann", "bob", "cid"].entries()) {
  const email = `${name}@example.org`;
  await customers.insert({ email, phone: `1380013800${at}`, note: `${name} pays late` });
}
const { rows } = await database.query("select * from customer order by customer_id");
told("stored", { email: rows[0].email.toString("hex"), phone: rows[0].phone });
told("found", { customer: await customers.find("bob@example.org") });
const values = await customers.phones(1, 2);
told("masked", await api("/v1/encryption/values:mask", { kind: "phone", values }));
const rotated = await api(`/v1/kms/keys/${keyId}:rotate`, {});
told("rotated", { currentVersion: rotated.currentVersion });
told("rewrapped", { notes: await customers.rewrap() });
// Opened anew, from what is in the tables.
const again = await openCustomers(database, kms, keyId);
told("found", { customer: await again.find("bob@example.org") });
for (const one of [customers, again]) one.close();
kms.close();
await database.end();
