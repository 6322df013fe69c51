/**
 * Compiles a syntax tree into a Thompson program: numbered instructions, each knowing its
 * successor.
 */
import { isNullable, type NeighborPair, type Node, PatternSyntaxError, widthOf } from "./syntax.ts";

/** Bound on a program after counted repeats are written out. */
const INSTRUCTIONS_MAX = 20_000;

export type Instruction =
  | { readonly op: "match" }
  | { readonly op: "byte"; readonly set: Uint8Array; readonly next: number }
  | { readonly op: "split"; first: number; second: number }
  | { readonly op: "save"; readonly slot: number; readonly next: number }
  | { readonly op: "assert"; readonly pairs: readonly NeighborPair[]; readonly next: number }
  | { readonly op: "atomic"; readonly body: number; readonly next: number }
  | {
      readonly op: "look";
      readonly body: number;
      readonly negative: boolean;
      readonly back: readonly { readonly width: number; readonly body: number }[] | undefined;
      readonly next: number;
    }
  | {
      readonly op: "backref";
      readonly index: number;
      readonly fold: boolean;
      readonly next: number;
    };

export type Program = { readonly code: readonly Instruction[]; readonly start: number };

type Target = { readonly code: Instruction[] };

/** Throws PatternSyntaxError when the program would be too large. */
export function compileProgram(node: Node): Program {
  const target: Target = { code: [{ op: "match" }] };
  const end = emit(target, { op: "save", slot: 1, next: 0 });
  const body = build(target, node, end);
  const start = emit(target, { op: "save", slot: 0, next: body });
  return { code: target.code, start };
}

function emit(target: Target, instruction: Instruction): number {
  if (target.code.length >= INSTRUCTIONS_MAX) {
    throw new PatternSyntaxError(
      `compiling regular expression: more than ${INSTRUCTIONS_MAX} instructions`,
      0,
    );
  }
  return target.code.push(instruction) - 1;
}

function build(target: Target, node: Node, next: number): number {
  switch (node.kind) {
    case "empty":
      return next;
    case "set":
      return emit(target, { op: "byte", set: node.set, next });
    case "cat":
      return node.items.reduceRight((after, item) => build(target, item, after), next);
    case "alt": {
      const entries = node.items.map((item) => build(target, item, next)).reverse();
      return entries.reduce((second, first) => emit(target, { op: "split", first, second }));
    }
    case "repeat":
      return buildRepeat(target, node, next);
    case "group": {
      const close = emit(target, { op: "save", slot: node.index * 2 + 1, next });
      const body = build(target, node.node, close);
      return emit(target, { op: "save", slot: node.index * 2, next: body });
    }
    case "neighbors":
      return emit(target, { op: "assert", pairs: node.pairs, next });
    case "atomic":
      return emit(target, { op: "atomic", body: build(target, node.node, 0), next });
    case "look":
      return buildLook(target, node, next);
    case "backref":
      return emit(target, { op: "backref", index: node.index, fold: node.fold, next });
  }
}

type Repeat = Extract<Node, { kind: "repeat" }>;

function choice(target: Target, node: Repeat, ways: { body: number; skip: number }): number {
  const first = node.lazy ? ways.skip : ways.body;
  const second = node.lazy ? ways.body : ways.skip;
  return emit(target, { op: "split", first, second });
}

function buildRepeat(target: Target, node: Repeat, next: number): number {
  let entry = next;
  let copies = node.min;
  if (node.max === Number.POSITIVE_INFINITY) {
    // x+ as body-then-loop, and x* as (x+)?, so that an empty pass ends the loop as in Perl.
    const loop: Instruction = { op: "split", first: 0, second: 0 };
    const at = emit(target, loop);
    const body = build(target, node.node, at);
    loop.first = node.lazy ? next : body;
    loop.second = node.lazy ? body : next;
    if (copies > 0) {
      entry = body;
      copies--;
    } else {
      entry = isNullable(node.node) ? choice(target, node, { body, skip: next }) : at;
    }
  } else {
    for (let i = node.min; i < node.max; i++) {
      const body = build(target, node.node, entry);
      entry = choice(target, node, { body, skip: next });
    }
  }
  for (let i = 0; i < copies; i++) entry = build(target, node.node, entry);
  return entry;
}

function buildLook(target: Target, node: Extract<Node, { kind: "look" }>, next: number): number {
  if (node.ahead) {
    const body = build(target, node.node, 0);
    return emit(target, { op: "look", body, negative: node.negative, back: undefined, next });
  }
  const branches = node.node.kind === "alt" ? node.node.items : [node.node];
  const back = branches.map((branch) => {
    const width = widthOf(branch);
    if (width === undefined) {
      throw new PatternSyntaxError("compiling regular expression: lookbehind varies in length", 0);
    }
    return { width, body: build(target, branch, 0) };
  });
  return emit(target, { op: "look", body: 0, negative: node.negative, back, next });
}

/** Whether the tree has parts that only the backtracker decides exactly. */
export function isRegular(node: Node): boolean {
  switch (node.kind) {
    case "atomic":
    case "look":
    case "backref":
      return false;
    case "cat":
    case "alt":
      return node.items.every(isRegular);
    case "repeat":
    case "group":
      return isRegular(node.node);
    default:
      return true;
  }
}
