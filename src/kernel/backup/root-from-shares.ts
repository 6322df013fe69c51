/** The root of trust put together from recovery shares, to open a file with nothing else. */
import { combineShares } from "../../engines/keys/shamir.ts";
import { BackupError } from "./sealed-file.ts";

const FAULTS = {
  form: "is not a share of Cordon",
  checksum: "has a typing error",
  foreign: "belongs to another set of shares",
  repeated: "was given twice",
  tooFew: "is missing: more shares are needed",
} as const;

/** @throws BackupError naming the share that is wrong or lacks. */
export function rootFromShares(texts: readonly string[]): Buffer {
  const result = combineShares(texts);
  if ("secret" in result) return result.secret;
  throw new BackupError(`Cannot use the shares: share ${result.at + 1} ${FAULTS[result.fault]}`);
}
