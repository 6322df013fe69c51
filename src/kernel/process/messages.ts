/**
 * What a child process tells its supervisor over the IPC channel. Parsing is strict: a message of
 * another shape is ignored, because a child may use libraries that send their own.
 */

/** Values a child reports about itself once it is ready, such as addresses. */
export type Details = Readonly<Record<string, unknown>>;

export type ChildMessage =
  | { readonly type: "ready"; readonly details: Details }
  | { readonly type: "progress"; readonly message: string }
  | {
      readonly type: "fatal";
      readonly message: string;
      /** What the operator can do about it. */
      readonly fix: string | undefined;
      /** True when another attempt cannot help (a wrong setting). */
      readonly permanent: boolean;
    };

const TEXT_CHARS_MAX = 4_000;

/** Reads one IPC message; undefined when it is not one of ours. */
export function parseChildMessage(value: unknown): ChildMessage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, ...rest } = Object.fromEntries(Object.entries(value));
  if (type === "ready") return { type, details: rest };
  if (type === "progress") return { type, message: textOf(rest.message) };
  if (type !== "fatal") return undefined;
  const fix = rest.fix;
  return {
    type,
    message: textOf(rest.message),
    fix: fix === undefined ? undefined : textOf(fix),
    permanent: rest.permanent === true,
  };
}

function textOf(value: unknown): string {
  return String(value ?? "").slice(0, TEXT_CHARS_MAX);
}
