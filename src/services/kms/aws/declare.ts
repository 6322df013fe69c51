/** How a command of the protocol is declared, and the shapes that many of them share. */
import { Problem } from "../../../kernel/problem.ts";
import type { Key } from "../resources.ts";
import { type AwsCall, type Fields, given, type KeyReference, keyArn, keyOf } from "./call.ts";

export type AwsCommand =
  | { readonly unsupported: string }
  | {
      /** Our operation. */
      readonly native: string;
      readonly input: (call: AwsCall) => Promise<Fields> | Fields;
      readonly answer: (result: never, call: AwsCall) => unknown;
    };

/** Declares one; `answer` may name what the operation's handler gives. */
export function command<Result>(parts: {
  native: string;
  input: (call: AwsCall) => Promise<Fields> | Fields;
  answer: (result: Result, call: AwsCall) => unknown;
}): AwsCommand {
  return parts;
}

/** The key of the request, as `keyId` of our input. */
export async function withKey(call: AwsCall, fields: Fields = {}): Promise<Fields> {
  call.reference = await keyOf(call, call.body.KeyId);
  return given({ keyId: call.reference.keyId, ...fields });
}

/** ARN of the key that the request named. */
export function usedArn(call: AwsCall): string {
  return keyArn(call, call.reference ?? NOTHING);
}
const NOTHING: KeyReference = { keyId: "", id: "", region: "" };

/** A command whose answer is the ARN of its key, or nothing. */
export function onKey(
  native: string,
  fields: (body: Fields) => Fields = () => ({}),
  answer: (result: Key, call: AwsCall) => unknown = () => ({}),
): AwsCommand {
  return command<Key>({ native, input: (call) => withKey(call, fields(call.body)), answer });
}

export const arnAnswer = (_result: unknown, call: AwsCall) => ({ KeyId: usedArn(call) });

/** Refuses what would change the meaning of a request if it were left out. */
export function refuse(body: Fields, names: readonly string[]): void {
  const found = names.find((name) => body[name] !== undefined);
  if (found === undefined) return;
  const details = [{ path: `/${found}`, message: "is not done here" }];
  throw new Problem("kms.commandUnsupported", { details });
}

/** Pages by marker are our pages by number. */
export function pageOf({ body }: AwsCall): { pageNumber: number; pageSize: number } {
  const { Marker: marker, Limit: limit } = body;
  if (
    marker !== undefined &&
    !(typeof marker === "string" && /^page-[1-9]\d{0,4}-\d{1,3}$/.test(marker))
  ) {
    throw new Problem("kms.markerInvalid");
  }
  const [, number, size] = (marker ?? "").split("-");
  const wanted = typeof limit === "number" ? Math.min(Math.max(Math.trunc(limit), 1), 100) : 100;
  return {
    pageNumber: Number(number ?? 1),
    pageSize: number === undefined ? wanted : Number(size),
  };
}

/** What a list says of the rest of it. */
export function listAnswer(
  call: AwsCall,
  { name, items, totalCount }: { name: string; items: readonly unknown[]; totalCount: number },
): Record<string, unknown> {
  const { pageNumber, pageSize } = pageOf(call);
  const truncated = pageNumber * pageSize < totalCount;
  const next = truncated ? { NextMarker: `page-${pageNumber + 1}-${pageSize}` } : {};
  return { [name]: items, Truncated: truncated, ...next };
}

/** Tags come as a list of pairs. @throws Problem kernel.inputInvalid. */
export function tagsOf(value: unknown, path: string): Record<string, string> | undefined {
  if (value === undefined) return undefined;
  const pairs: unknown[] = Array.isArray(value) ? value : [null];
  const tags: Record<string, string> = {};
  for (const pair of pairs) {
    const { TagKey: name, TagValue: text } = { ...(pair as object) } as Fields;
    if (typeof name !== "string" || typeof text !== "string" || Object.hasOwn(tags, name)) {
      const message = "must be a list of different {TagKey, TagValue}";
      throw new Problem("kernel.inputInvalid", { details: [{ path, message }] });
    }
    Object.defineProperty(tags, name, { value: text, enumerable: true });
  }
  return tags;
}
