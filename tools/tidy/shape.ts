/** Rules about the shape of code: lengths, names, and what strict typing forbids. */
import { blank } from "./blank.ts";
import { eachCode, type Fault, type Tree } from "./tree.ts";

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const COLUMNS_MAX = 100;
/** A word this long (an address, a digest) cannot be broken. */
const WORD_CHARS_MIN = 60;

export function fileLength(tree: Tree): readonly Fault[] {
  return eachCode(tree, (text) => {
    const lines = text.trimEnd().split("\n").length;
    return lines > FILE_LINES_MAX ? [`${lines} lines, at most ${FILE_LINES_MAX}`] : [];
  });
}

/** Lines may be longer only by a literal that cannot be broken, or by a very long word. */
export function lineLength(tree: Tree): readonly Fault[] {
  return eachCode(tree, (text) => {
    const code = blank(text).split("\n");
    return text.split("\n").flatMap((line, index) => {
      const columns = [...line].length;
      if (columns <= COLUMNS_MAX) return [];
      const isLiteral = !/^\s*(?:\/\/|\*|\/\*)/.test(line) && /["'`/]/.test(line);
      if (isLiteral && (code[index] ?? "").length <= COLUMNS_MAX) return [];
      if (line.split(/\s+/).some((word) => word.length >= WORD_CHARS_MIN)) return [];
      return [`line ${index + 1}: ${columns} columns, at most ${COLUMNS_MAX}`];
    });
  });
}

const FUNCTION_START =
  /^(?:export )?(?:default )?(?:async )?(?:function\b|(?:static |private |override )*(?:get |set )?[#\w]+\(.*\{$)|=> \{$/;
const NOT_FUNCTION = /^(?:if|for|while|switch|catch|with|describe)\b|^describe[.(]/;

/**
 * A function that only returns a table of functions (a store's queries, a service's handlers) is
 * as long as the table; the functions in it are measured one by one.
 */
const ONLY_RETURNS_TABLE = /^\s+return (?:service\(\w+, )?\{$/;

/** Relies on the formatter: a function ends at the first closing brace of its own indentation. */
export function functionLength(tree: Tree): readonly Fault[] {
  return eachCode(tree, (text) => {
    const lines = blank(text).split("\n");
    return lines.flatMap((line, start) => {
      const body = line.trimStart();
      if (!FUNCTION_START.test(body) || NOT_FUNCTION.test(body)) return [];
      if (ONLY_RETURNS_TABLE.test(lines[start + 1] ?? "")) return [];
      const indent = line.slice(0, line.length - body.length);
      const end = lines.findIndex(
        (other, index) =>
          index > start && other.startsWith(`${indent}}`) && !/[{(]$/.test(other.trimEnd()),
      );
      const length = end - start + 1;
      if (length <= FUNCTION_LINES_MAX) return [];
      return [`line ${start + 1}: function of ${length} lines, at most ${FUNCTION_LINES_MAX}`];
    });
  });
}

const BANNED_NAMES = new Set(["util", "utils", "helper", "helpers", "manager", "common", "misc"]);

export function fileNames(tree: Tree): readonly Fault[] {
  return [...tree.keys()].flatMap((path) => {
    const words = path.split(/[/.-]/);
    const banned = words.find((word) => BANNED_NAMES.has(word.toLowerCase()));
    if (banned !== undefined) return [{ path, message: `"${banned}" says nothing of what it is` }];
    const file = path.split("/").at(-1) ?? "";
    // A language tag keeps its own form (BCP 47).
    if (/\.tsx?$/.test(file) && /[A-Z_]/.test(file) && file !== "zh-CN.ts")
      return [{ path, message: `${file} is not kebab-case` }];
    return [];
  });
}

const UNSAFE: readonly (readonly [RegExp, string])[] = [
  [/(?::|\bas|<)\s*any\b(?!\s*[(.,])|[|,]\s*any\s*>/, "any"],
  [/[\w)\]]!(?!=)/, "a non-null assertion"],
];
const SWITCHED_OFF = new RegExp(`@ts-${"ignore"}|@ts-${"nocheck"}|@ts-${"expect-error"}`);

/** `any`, `!` after a value, and comments that switch the type checker off. */
export function strictTypes(tree: Tree): readonly Fault[] {
  return eachCode(tree, (text) => {
    const code = blank(text).split("\n");
    return text.split("\n").flatMap((line, index) => {
      const found = UNSAFE.filter(([pattern]) => pattern.test(code[index] ?? ""));
      const names = found.map(([, name]) => name);
      if (SWITCHED_OFF.test(line)) names.push("a comment against the type checker");
      return names.map((name) => `line ${index + 1}: ${name}`);
    });
  });
}

const LEFT_OVER = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`);

export function leftOvers(tree: Tree): readonly Fault[] {
  return [...tree]
    .filter(([path]) => /\.(?:tsx?|md|sql|sh)$/.test(path))
    .flatMap(([path, text]) =>
      text.split("\n").flatMap((line, index) => {
        const mark = LEFT_OVER.exec(line)?.[0];
        return mark === undefined ? [] : [{ path, message: `line ${index + 1}: ${mark}` }];
      }),
    );
}
