/** What the home page asks for: each question once. */
import { useQuery } from "@tanstack/react-query";
import type { Operation } from "../../../src/kernel/operation.ts";
import { ApiError, callAny } from "../api/client.ts";
import type { Item } from "../resource/resources.ts";

const REFRESH_MS = 5_000;

export type Asked = {
  readonly answer: Item | undefined;
  readonly error: unknown;
  /** True when the error is that the caller has no right to it: not a fault of the page. */
  readonly denied: boolean;
};

/** An operation's answer, asked again and again. */
export function useAnswer(operation: Operation, input: Item, enabled = true): Asked {
  const query = useQuery({
    queryKey: ["home", operation.name, input],
    queryFn: () => callAny(operation, input),
    refetchInterval: REFRESH_MS,
    enabled,
  });
  const denied = query.error instanceof ApiError && query.error.code === 403;
  return { answer: query.data, error: query.error, denied };
}

export type Count = { readonly count: number | undefined; readonly denied: boolean };

/** How many a list has with one of these values in a field. */
export function useCount(
  operation: Operation,
  [name, ...values]: readonly [string, ...string[]],
  more: readonly Item[] = [],
): Count {
  const filters = [{ name, values, operator: "eq" }, ...more];
  const { answer, denied } = useAnswer(operation, { filters, pageSize: 1 });
  return { count: answer === undefined ? undefined : Number(answer.totalCount), denied };
}
