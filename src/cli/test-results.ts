/** Reads the result file of vitest (its `json` reporter) into names; knows nothing of the run. */

export type TestResults = {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
};

/** States of one test in the file; anything else is counted as a failure, never dropped. */
const SKIPPED = new Set(["skipped", "pending", "todo", "disabled"]);

/**
 * @param text the content of the file
 * @param root folder that file names are shown relative to
 * @throws SyntaxError when the text is not JSON
 */
export function readResults(text: string, root: string): TestResults {
  const passed: string[] = [];
  const failed: string[] = [];
  const skipped: string[] = [];
  for (const file of list(JSON.parse(text), "testResults")) {
    const path = word(file, "name").replace(`${root}/`, "");
    const failedBefore = failed.length;
    for (const test of list(file, "assertionResults")) {
      const name = `${path} > ${word(test, "fullName")}`;
      const status = word(test, "status");
      if (status === "passed") passed.push(name);
      else if (SKIPPED.has(status)) skipped.push(name);
      else failed.push(name);
    }
    // A file that cannot be loaded, or whose set-up throws, has no failed test of its own.
    if (word(file, "status") === "failed" && failed.length === failedBefore)
      failed.push(`${path} (the file itself: ${word(file, "message").split("\n")[0] ?? ""})`);
  }
  return { passed, failed, skipped };
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}

function list(value: unknown, name: string): readonly unknown[] {
  const found = field(value, name);
  return Array.isArray(found) ? found : [];
}

function word(value: unknown, name: string): string {
  const found = field(value, name);
  return typeof found === "string" ? found : "";
}
