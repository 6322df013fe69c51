/** Which fields of an operation's answer are lost unless they are shown at once. */
import { type Item, operationOf, type Shown } from "./resources.ts";

type Schema = {
  readonly type?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
};

/** How another field is told in another language (`CodedOrNull`), which is not shown itself. */
export const isCoding = (field: string): boolean => field.endsWith("Coded");

/** The fields of an item that its own page, or else its list, shows. */
export function shownFields(shown: Shown): ReadonlySet<string> {
  const get: Schema | undefined = operationOf(shown, "get")?.output;
  const list: Schema | undefined = operationOf(shown, "list")?.output;
  const listed = Object.values(list?.properties ?? {}).find(({ type }) => type === "array");
  return new Set(
    Object.keys((get ?? listed?.items)?.properties ?? {}).filter((field) => !isCoding(field)),
  );
}

/** The part of an answer that is lost unless it is shown now. */
export function unseenOf(answer: Item, known: ReadonlySet<string>): Item {
  return Object.fromEntries(
    Object.entries(answer).filter(([field]) => !known.has(field) && !isCoding(field)),
  );
}
