/**
 * What the bytes of a text say of it before any rule is asked: which transformations may change it,
 * and which rules it lets through. Bytes that say the same are of one class, and a scan notes
 * classes.
 */
import type { ByteClasses, SparseBits } from "./compiled.ts";
import { CLASS_WORDS } from "./literal-index.ts";
import { addBits, emptyBits, type RuleBits } from "./rule-bits.ts";

const CLASSES_MAX = CLASS_WORDS * 32;

/**
 * Compiles the classes of all bytes. `triggers`: per conditional step 256 flags, the bytes that it
 * needs one of; `sets`: rules with the bytes that they need one of. With more classes than there
 * are bits, the last ones are joined, which lets more through.
 */
export function compileByteClasses(
  triggers: readonly Uint8Array[],
  sets: readonly { readonly bytes: Uint8Array; readonly rules: RuleBits }[],
  words: number,
): ByteClasses {
  const byFacts = new Map<string, { steps: number; rules: RuleBits; bytes: number[] }>();
  for (let byte = 0; byte < 256; byte += 1) {
    const stepsOf = triggers.flatMap((flags, step) => (flags[byte] === 1 ? [step] : []));
    const setsOf = sets.filter(({ bytes }) => bytes[byte] === 1);
    const facts = `${stepsOf.join()} ${setsOf.map((one) => sets.indexOf(one)).join()}`;
    const known = byFacts.get(facts);
    if (known !== undefined) {
      known.bytes.push(byte);
      continue;
    }
    const rules = emptyBits(words);
    for (const one of setsOf) addBits(rules, one.rules);
    const steps = stepsOf.reduce((bits, step) => bits | (1 << step), 0);
    byFacts.set(facts, { steps, rules, bytes: [byte] });
  }
  const all = [...byFacts.values()];
  const classes = all.slice(0, CLASSES_MAX);
  const last = classes.at(-1);
  for (const { steps, rules, bytes } of all.slice(CLASSES_MAX)) {
    if (last === undefined) break;
    last.steps |= steps;
    addBits(last.rules, rules);
    last.bytes.push(...bytes);
  }
  const bits = new Int32Array(256 * CLASS_WORDS);
  for (const [at, { bytes }] of classes.entries()) {
    for (const byte of bytes) bits[byte * CLASS_WORDS + (at >> 5)] = 1 << (at & 31);
  }
  return {
    bits,
    steps: classes.map(({ steps }) => steps),
    rules: classes.map(({ rules }) => sparse(rules)),
  };
}

/** A set as its words that are not empty. */
export function sparse(bits: RuleBits): SparseBits {
  const words: number[] = [];
  const masks: number[] = [];
  for (const [word, mask] of bits.entries()) {
    if (mask === 0) continue;
    words.push(word);
    masks.push(mask);
  }
  return { words, masks };
}
