/** How an operation of the vendor's API is declared, and the shapes that many of them share. */
import type { Policy } from "../contract.ts";
import type { Names } from "./names.ts";
import { type JdRequest, listInput, policyView } from "./translate.ts";

export type JdOperation = {
  readonly service: "iam" | "sts";
  readonly name: string;
  readonly method: string;
  readonly path: string;
} & (
  | { readonly unsupported: string }
  | {
      /** Our operation. */
      readonly native: string;
      readonly input: (request: JdRequest, names: Names) => unknown;
      readonly answer: (result: never) => unknown;
    }
);

/** Why the older permission model is not here. */
const PERMISSIONS =
  "permissions with numbers are the vendor's older model, and what their bodies hold is published " +
  "nowhere; instead";

export const nothing = () => ({});
export const page = (plural: string, total: number, items: unknown[]) => ({
  [plural]: items,
  total,
  totalCount: total,
});

type Verb = "GET" | "POST" | "PUT" | "DELETE";

/** Declares one; `input` and `answer` as above. */
export function iam<Result>(
  line: `${Verb} ${string}`,
  name: string,
  parts: {
    native: string;
    input: (request: JdRequest, names: Names) => unknown;
    answer: (result: Result) => unknown;
  },
): JdOperation {
  const [method = "", path = ""] = line.split(" ");
  return { service: "iam", name, method, path: `/v1${path}`, ...parts };
}

/** @param instead the operation on policies that does the same. */
export function permission(line: `${Verb} ${string}`, name: string, instead: string): JdOperation {
  const [method = "", path = ""] = line.split(" ");
  return {
    service: "iam",
    name,
    method,
    path: `/v1/regions/{regionId}${path}`,
    unsupported: `${PERMISSIONS} ${instead}`,
  };
}

type Kind = "user" | "group" | "role";

/** Attach and detach: the policy comes in the body or the query. */
export function attachment(kind: Kind, native: "attachPolicy" | "detachPolicy", parameter: string) {
  return {
    native: `iam.${native}`,
    input: async ({ path, query, body }: JdRequest, names: Names) => ({
      policyId: await names.policy(String(body.policyName ?? query.policyName ?? "")),
      principalKind: kind,
      principalId: await names[kind](path[parameter] ?? ""),
    }),
    answer: nothing,
  };
}

export const attached = (kind: Kind, parameter: string) => ({
  native: "iam.listPolicies",
  input: async (request: JdRequest, names: Names) => ({
    ...listInput(request),
    principalId: await names[kind](request.path[parameter] ?? ""),
  }),
  answer: ({ policies, totalCount }: { policies: Policy[]; totalCount: number }) =>
    page("policies", totalCount, policies.map(policyView)),
});

export const setKey = (enabled: boolean, own: boolean) => ({
  native: "iam.updateAccessKey",
  input: async ({ path }: JdRequest, names: Names) => ({
    accessKeyId: await names.keyOf(
      own ? names.self : await names.user(path.subUser ?? ""),
      path.accessKey ?? "",
    ),
    enabled,
  }),
  answer: nothing,
});

export const deleteKey = (own: boolean) => ({
  native: "iam.deleteAccessKey",
  input: async ({ path }: JdRequest, names: Names) => ({
    accessKeyId: await names.keyOf(
      own ? names.self : await names.user(path.subUser ?? ""),
      path.accessKey ?? "",
    ),
  }),
  answer: nothing,
});
