/** A command that a contract generates: `cordon <service> <noun> <verb>`. */
import type { Contract, Operation } from "../kernel/operation.ts";

export type GeneratedCommand = {
  readonly contract: Contract;
  readonly operation: Operation;
  readonly noun: string;
  readonly verb: string;
};
