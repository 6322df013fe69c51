/** Which fields name another resource by its id. */
import { allShown, type Shown } from "./resources.ts";

/** The resource of `siteId`, or of `policyIds` for several; rules are too many to choose from. */
export function resourceOfField(name: string): Shown | undefined {
  const one = name.endsWith("Ids") ? name.slice(0, -1) : name;
  if (one === "ruleId") return undefined;
  return allShown.find(({ resource }) => resource.idField === one && resource.list !== undefined);
}
