/**
 * A table whose columns only the application can read. Each column is encrypted by what is asked of
 * it: `email` is looked up, `phone` must stay digits, `note` is only read and written.
 */
import type pg from "pg";
import {
  createEncryption,
  createFieldKey,
  type FieldKey,
  type Kms,
  openFields,
  rewrapFieldKey,
} from "../../packages/encryption-client/src/index.ts";

export type Customer = { readonly email: string; readonly phone: string; readonly note: string };

/** Bound to every data key of this table: bytes of another table do not open here. */
const CONTEXT = { table: "customer" };
const PAGE = 1_000;

export async function createTables(database: pg.Client): Promise<void> {
  await database.query(`
    create table if not exists field_key (
      table_name text primary key, key_id text not null, encrypted_data_key bytea not null);
    create table if not exists customer (
      customer_id bigint generated always as identity primary key,
      email bytea not null unique, phone text not null, note bytea not null)`);
}

/** Opens the table; its field key is made when there is none. */
export async function openCustomers(database: pg.Client, kms: Kms, keyId: string) {
  const fields = await openFields(kms, await fieldKeyOf(database, kms, keyId), CONTEXT);
  const [email, phone] = [fields.deterministic("email"), fields.formatPreserving("phone")];
  const messages = createEncryption({ kms, keyId });
  // A note belongs to its customer: exchanged between rows it does not open.
  const noteContext = (sealedEmail: Buffer) => ({ ...CONTEXT, of: sealedEmail.toString("hex") });
  return {
    async insert(customer: Customer): Promise<void> {
      const sealed = email.encrypt(customer.email);
      const note = await messages.encrypt(Buffer.from(customer.note), noteContext(sealed));
      await database.query("insert into customer (email, phone, note) values ($1, $2, $3)", [
        ...[sealed, phone.encrypt(customer.phone), note],
      ]);
    },
    /** By equality, through the index; nothing is decrypted to find it. */
    async find(address: string): Promise<Customer | undefined> {
      const { rows } = await database.query("select * from customer where email = $1", [
        email.encrypt(address),
      ]);
      const [row] = rows;
      if (row === undefined) return undefined;
      const note = await messages.decrypt(row.note, noteContext(row.email));
      return {
        email: email.decrypt(row.email),
        phone: phone.decrypt(row.phone),
        note: note.toString(),
      };
    },
    /** Phone numbers in the order of the rows. */
    async phones(from: number, count: number): Promise<string[]> {
      const { rows } = await database.query(
        "select phone from customer order by customer_id offset $1 limit $2",
        [from, count],
      );
      return rows.map((row) => phone.decrypt(row.phone));
    },
    /**
     * After a rotation: the field key and each note's data key under the newest version. Emails,
     * phones and the notes' own bytes stay as they are.
     *
     * @returns how many notes.
     */
    async rewrap(): Promise<number> {
      const old = await fieldKeyOf(database, kms, keyId);
      await keep(database, await rewrapFieldKey(kms, old, { context: CONTEXT }));
      let [last, count] = ["0", 0];
      for (;;) {
        const { rows } = await database.query(
          "select * from customer where customer_id > $1 order by customer_id limit $2",
          [last, PAGE],
        );
        for (const row of rows) {
          const note = await messages.rewrap(row.note, noteContext(row.email));
          // Only while it is the note that was read: a newer one is under the newest version.
          await database.query(
            "update customer set note = $1 where customer_id = $2 and note = $3",
            [...[note, row.customer_id, row.note]],
          );
          last = row.customer_id;
          count += 1;
        }
        if (rows.length < PAGE) return count;
      }
    },
    close(): void {
      fields.close();
      messages.clear();
    },
  };
}

/** The table's field key. It is made once: of two that begin together, both use the first. */
async function fieldKeyOf(database: pg.Client, kms: Kms, keyId: string): Promise<FieldKey> {
  const find = async (): Promise<FieldKey | undefined> => {
    const { rows } = await database.query("select * from field_key where table_name = 'customer'");
    const [row] = rows;
    return row && { keyId: row.key_id, encryptedDataKey: row.encrypted_data_key };
  };
  const known = await find();
  if (known !== undefined) return known;
  const made = await createFieldKey(kms, keyId, CONTEXT);
  await database.query("insert into field_key values ('customer', $1, $2) on conflict do nothing", [
    made.keyId,
    made.encryptedDataKey,
  ]);
  return (await find()) ?? made;
}

async function keep(database: pg.Client, { keyId, encryptedDataKey }: FieldKey): Promise<void> {
  await database.query(
    "update field_key set key_id = $1, encrypted_data_key = $2 where table_name = 'customer'",
    [keyId, encryptedDataKey],
  );
}
