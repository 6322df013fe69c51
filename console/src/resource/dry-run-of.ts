/** What tries out a change that another operation would make. */
import { catalog } from "../../../src/catalog.ts";
import type { Operation } from "../../../src/kernel/operation.ts";

const { dryRunRule } = catalog.waf.operations;
const TRIED_BY: Readonly<Record<string, Operation>> = {
  "waf.createCustomRule": dryRunRule,
  "waf.updateCustomRule": dryRunRule,
};

/** The operation that tries it; undefined when there is none. */
export const dryRunOf = ({ name }: Operation): Operation | undefined => TRIED_BY[name];
