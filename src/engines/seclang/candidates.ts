/**
 * Which rules may match a value: a set of bits, one per rule, found in one pass over the value
 * and kept for values that come again. Sound: a rule whose bit is clear cannot match the value,
 * whatever else the request holds. Method and limits: docs/decisions/0009.
 */
import { readerOfItem } from "./candidate-scope.ts";
import type { Collection } from "./collection.ts";
import type {
  CandidateFilter,
  ChainNode,
  RememberedSet,
  SparseBits,
  ValueReader,
  VariableReaders,
} from "./compiled.ts";
import { CLASS_WORDS, scan } from "./literal-index.ts";
import { ownText } from "./own-text.ts";
import { addBits, clear, emptyBits, isEmpty, NO_BITS, type RuleBits } from "./rule-bits.ts";

const limits = {
  /** Sets remembered per generation; there are two generations. */
  rememberedMax: 4_096,
  rememberedLengthMax: 256,
} as const;

/**
 * The rules of the readers that may match an item of the collection. The set is shared between
 * equal values: who finds that a rule does not match may clear its bit.
 */
export function candidatesOf(
  filter: CandidateFilter,
  readers: VariableReaders,
  { values, lowered }: Collection,
  at: number,
): RuleBits {
  const value = values[at];
  const reader = readerOfItem(readers, lowered[at] ?? "");
  if (value === undefined) return NO_BITS;
  if (value.reader === reader && value.candidates !== undefined) return value.candidates;
  value.reader = reader;
  value.candidates = recall(filter, reader, value.text);
  return value.candidates;
}

/** The rules of the readers that may match any item of the collection. */
export function candidatesOfAll(
  filter: CandidateFilter,
  readers: VariableReaders,
  collection: Collection,
): RuleBits {
  if (collection.readers === readers && collection.candidates !== undefined) {
    return collection.candidates;
  }
  const count = collection.values.length;
  let bits = count === 0 ? NO_BITS : candidatesOf(filter, readers, collection, 0);
  let isOwn = false;
  for (let at = 1; at < count; at += 1) {
    const more = candidatesOf(filter, readers, collection, at);
    if (more.length === 0) continue;
    if (bits.length === 0) {
      bits = more;
      continue;
    }
    // What belongs to a value is not to be added to.
    if (!isOwn) bits = bits.slice();
    isOwn = true;
    addBits(bits, more);
  }
  collection.readers = readers;
  collection.candidates = bits;
  return bits;
}

function recall(filter: CandidateFilter, reader: ValueReader, text: string): RuleBits {
  if (text.length > limits.rememberedLengthMax) return compute(filter, reader, text);
  const known = filter.recent.texts.get(text);
  const recent = setOf(known, reader);
  if (recent !== undefined) return recent;
  const older = setOf(filter.older.texts.get(text), reader);
  const bits = older ?? compute(filter, reader, text);
  if (older === undefined && !wasMet(filter, reader, text)) return bits;
  if (filter.recent.count >= limits.rememberedMax) {
    filter.older = filter.recent;
    filter.recent = { texts: new Map(), count: 0 };
  }
  const { recent: now } = filter;
  now.count += 1;
  const key = known === undefined ? ownText(text) : text;
  now.texts.set(key, { reader, bits, next: now.texts.get(text) });
  return bits;
}

function setOf(first: RememberedSet | undefined, reader: ValueReader): RuleBits | undefined {
  for (let one = first; one !== undefined; one = one.next) {
    if (one.reader === reader) return one.bits;
  }
  return undefined;
}

/**
 * Whether the reader met the text lately, by their FNV-1a; true by mistake for another text with
 * its fingerprint, which only costs a place. Most arguments never come again: to keep each would
 * cost more than it saves.
 */
function wasMet({ metOnce }: CandidateFilter, { id }: ValueReader, text: string): boolean {
  let hash = 0x811c9dc5 ^ id;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  const place = (hash >>> 8) & (metOnce.length - 1);
  const known = metOnce[place] === hash >>> 0;
  metOnce[place] = hash >>> 0;
  return known;
}

/** A text that a value has or becomes on its way through transformations. */
type Form = {
  readonly text: string;
  readonly hits: RuleBits;
  /** Bits of the conditional steps that may change it. */
  readonly steps: number;
  /** What single transformations make of it: a list, since they are few. */
  made: Made | undefined;
  /** The form that was made before this one. */
  readonly former: Form | undefined;
};

type Made = {
  readonly apply: (text: string) => string;
  readonly form: Form;
  readonly next: Made | undefined;
};

type Walk = {
  readonly filter: CandidateFilter;
  readonly bits: RuleBits;
  /** All forms of the value, by `former`. */
  last: Form | undefined;
  forms: number;
};

function compute(filter: CandidateFilter, { root, fixed }: ValueReader, text: string): RuleBits {
  if (fixed !== undefined) return fixed.slice();
  const bits = clear(filter.ofValue);
  const walk: Walk = { filter, bits, last: undefined, forms: 0 };
  visit(walk, root, formWith(walk, text));
  return isEmpty(bits) ? NO_BITS : bits.slice();
}

function visit(walk: Walk, node: ChainNode, form: Form): void {
  if ((form.steps & node.stepsBelow) === 0) {
    addMasked(walk.bits, form.hits, node.rulesBelow);
    for (const next of node.unconditional) visit(walk, next, transformed(walk, next, form));
    return;
  }
  addMasked(walk.bits, form.hits, node.rules);
  for (const child of node.children) {
    const changes = child.step === 0 || (form.steps & child.step) !== 0;
    visit(walk, child, changes ? transformed(walk, child, form) : form);
  }
}

/** Chains share steps, and different ones often make the same text: each is made once. */
function transformed(walk: Walk, { chain }: ChainNode, form: Form): Form {
  const { apply } = chain;
  for (let known = form.made; known !== undefined; known = known.next) {
    if (known.apply === apply) return known.form;
  }
  const made = formWith(walk, apply(form.text));
  form.made = { apply, form: made, next: form.made };
  return made;
}

function formWith(walk: Walk, text: string): Form {
  for (let one = walk.last; one !== undefined; one = one.former) {
    if (one.text === text) return one;
  }
  const made = formOf(walk, text);
  walk.last = made;
  return made;
}

/** Classes of the bytes of the text that was scanned last. */
const seen = new Int32Array(CLASS_WORDS);

function formOf(walk: Walk, text: string): Form {
  const { filter, last: former } = walk;
  const { classes } = filter;
  const hits = filter.ofForms[walk.forms] ?? emptyBits(filter.words);
  filter.ofForms[walk.forms] = hits;
  walk.forms += 1;
  for (let word = 0; word < hits.length; word += 1) hits[word] = filter.always[word] ?? 0;
  scan(filter.index, text, { hits, classes: classes.bits, seen });
  let steps = 0;
  for (let word = 0; word < CLASS_WORDS; word += 1) {
    for (let rest = seen[word] ?? 0; rest !== 0; rest &= rest - 1) {
      const at = word * 32 + 31 - Math.clz32(rest & -rest);
      steps |= classes.steps[at] ?? 0;
      const rules = classes.rules[at];
      if (rules !== undefined) addSparse(hits, rules);
    }
  }
  return { text, hits, steps, made: undefined, former };
}

function addSparse(into: RuleBits, { words, masks }: SparseBits): void {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? 0;
    into[word] = (into[word] ?? 0) | (masks[at] ?? 0);
  }
}

function addMasked(into: RuleBits, hits: RuleBits, { words, masks }: SparseBits): void {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? 0;
    into[word] = (into[word] ?? 0) | ((hits[word] ?? 0) & (masks[at] ?? 0));
  }
}
