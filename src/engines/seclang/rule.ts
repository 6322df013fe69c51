/** What a rule is, as parsed text: names and arguments, before anything is compiled. */

/** Where a directive stands, for messages and for the console. */
export type Place = { readonly file: string; readonly line: number };

/** A fault in a rule file. */
export type Fault = Place & { readonly message: string };

/** Thrown when rule files cannot be used; lists every fault found. */
export class SecLangError extends Error {
  override readonly name = "SecLangError";
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    const first = faults[0];
    const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
    super(first === undefined ? "" : `${first.file}:${first.line}: ${first.message}${more}`);
    this.faults = faults;
  }
}

export type Directive = Place & {
  /** Lower case. */
  readonly name: string;
  readonly args: readonly string[];
};

/** One part of a rule's target list: `ARGS:q`, `&ARGS`, `!ARGS:/re/`. */
export type ParsedTarget = {
  /** Upper-case variable name. */
  readonly variable: string;
  readonly selector: string | undefined;
  /** True when the selector was written `/…/`. */
  readonly selectorIsRegex: boolean;
  readonly count: boolean;
  readonly exclude: boolean;
};

export type ParsedOperator = {
  /** Without `@`, as written. */
  readonly name: string;
  readonly argument: string;
  readonly negated: boolean;
};

export type ParsedAction = { readonly name: string; readonly value: string };
