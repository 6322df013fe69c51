/** A service: its contract and one handler for each of its operations. */
import type { Context } from "./context.ts";
import type { Contract, InputOf, Operation, OutputOf } from "./operation.ts";

/** The answer of a stream operation is an async iterable of items. */
export type Handler<Op extends Operation> = (
  context: Context,
  input: InputOf<Op>,
) => Promise<Op extends { stream: string } ? AsyncIterable<OutputOf<Op>> : OutputOf<Op>>;

export type Handlers<Declared extends Contract> = {
  readonly [Key in keyof Declared["operations"]]: Handler<Declared["operations"][Key]>;
};

export type AnyHandler = (context: Context, input: Record<string, unknown>) => Promise<unknown>;

export type Service = {
  readonly contract: Contract;
  readonly handlers: Readonly<Record<string, AnyHandler>>;
};

/** Joins a contract with its handlers; the compiler refuses a missing or extra one. */
export function service<Declared extends Contract>(
  contract: Declared,
  handlers: Handlers<Declared>,
): Service {
  // The pipeline validates the input against the operation's schema before it calls the handler,
  // which makes the wider parameter type of AnyHandler true.
  return { contract, handlers: handlers as unknown as Service["handlers"] };
}
