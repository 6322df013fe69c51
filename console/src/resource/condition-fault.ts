/** What the server refused of a condition, by the row of the form that it is about. */

/**
 * Faults by the number of their row, such as 2.1; under "" those of no row.
 *
 * @param fault as the form has it: `all/0/not/any/1/values: message`, several parted by `; `.
 */
export function faultsByRow(fault: string | undefined): ReadonlyMap<string, string> {
  const faults = new Map<string, string>();
  for (const [, path = "", message = ""] of (fault ?? "").matchAll(ONE_FAULT)) {
    const number = rowOf(path);
    const before = faults.get(number);
    faults.set(number, before === undefined ? message : `${before}; ${message}`);
  }
  return faults;
}

const ONE_FAULT = /(?:^|; )(?:((?:[a-zA-Z]+|\d+)(?:\/(?:[a-zA-Z]+|\d+))*): )?((?:(?!; ).)+)/gs;
/** Up to the comparison: what is in it is told of the whole row. */
const TO_ROW = /^(?:(?:(?:all|any)\/\d+|not)(?:\/|$))*/;
const IN_ROW = /^(?:field|operator|name|values|ignoreCase)(?:\/|$)/;

/** The row of a path within a condition; a condition of one comparison is row 1. */
function rowOf(path: string): string {
  const [groups = ""] = TO_ROW.exec(path) ?? [];
  const places = [...groups.matchAll(/\d+/g)].map(([at]) => Number(at) + 1);
  if (places.length > 0) return places.join(".");
  return IN_ROW.test(path.slice(groups.length)) ? "1" : "";
}
