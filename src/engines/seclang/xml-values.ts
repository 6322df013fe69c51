/** `XML:/a/b`: what a path selects of the document, read when a rule asks, since few do. */
import { parseXmlPath, selectXml } from "./body/xml-path.ts";
import { type Collection, collectionOf, createCollection } from "./collection.ts";
import type { State } from "./state.ts";

const EMPTY = createCollection();

/** Paths of which the text of the whole document, or all its attributes, is kept anyway. */
const WHOLE = new Set(["/*", "//@*"]);

/** How such a path is read; undefined for a whole document and for a path that is not known. */
export function pathReaderOf(text: string | undefined): ((state: State) => Collection) | undefined {
  const path = text === undefined || WHOLE.has(text) ? undefined : parseXmlPath(text);
  if (path === undefined) return undefined;
  const read = new WeakMap<State, Collection>();
  return (state) => {
    if (state.bodyProcessor !== "XML" || state.rawBody === "") return EMPTY;
    const known = read.get(state);
    if (known !== undefined) return known;
    const values = selectXml(state.rawBody, path);
    const selected = collectionOf(
      values.map(() => text ?? ""),
      values,
    );
    read.set(state, selected);
    return selected;
  };
}
