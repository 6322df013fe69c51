/** Who is signed in, as the query cache keeps it. */
import { queryOptions } from "@tanstack/react-query";
import { catalog } from "../../../src/catalog.ts";
import { ApiError, call, setCsrfToken } from "./client.ts";

export const session = queryOptions({
  queryKey: ["session"],
  staleTime: Infinity,
  retry: false,
  queryFn: async () => {
    try {
      const answer = await call(catalog.iam.operations.getCaller, {});
      setCsrfToken(answer.csrfToken ?? "");
      return answer.caller;
    } catch (error) {
      if (error instanceof ApiError && error.code === 401) return null;
      throw error;
    }
  },
});
