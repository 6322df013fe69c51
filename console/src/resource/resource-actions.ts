/** What can be done with a resource beside reading it, found in its contract. */
import type { Operation } from "../../../src/kernel/operation.ts";
import { operationOf, type Shown } from "./resources.ts";

/** Operations that have a page of their own. */
const OWN_PAGES: Readonly<Record<string, string>> = {
  "waf.explainRequest": "/explain",
  "waf.updateSitePolicy": "/sites",
  // By the list of a site's rules, each with a button of its own.
  "waf.dryRunRule": "/sites",
  "waf.orderCustomRules": "/sites",
  "fleet.createJoinToken": "/join-token",
  "iam.revokeOwnSession": "/own",
};

/** The page of an operation that has one of its own. */
export const ownPage = (operation: Operation): string | undefined => OWN_PAGES[operation.name];

/** Operations on one item: their path holds its id, and they are none of read, edit, delete. */
export function itemActions({ contract, resource }: Shown): readonly Operation[] {
  const { get, update, delete: remove } = resource;
  return Object.entries(contract.operations)
    .filter(([key]) => key !== get && key !== update && key !== remove)
    .map(([, operation]) => operation)
    .filter(({ method, path }) => method !== "GET" && path.includes(`{${resource.idField}}`))
    .filter((operation) => ownPage(operation) === undefined && operation.stream === undefined);
}

/** Where a new one is made, for the list's button and its empty state. */
export function actionsWithoutItem(shown: Shown): { operation: Operation; href: string }[] {
  const create = operationOf(shown, "create");
  const made = create === undefined ? [] : [{ operation: create, href: `/${shown.path}/create` }];
  const { createJoinToken: join, uploadPkcs12 } = shown.contract.operations;
  if (shown.resource.name === "certificate" && uploadPkcs12 !== undefined) {
    return [...made, { operation: uploadPkcs12, href: "/certificate-file" }];
  }
  if (shown.resource.name !== "node" || join === undefined) return made;
  return [...made, { operation: join, href: "/join-token" }];
}

/** The states that a person can set with one click: an update's `status` enumeration. */
export function statusChoices(shown: Shown): readonly string[] {
  const properties: Record<string, { enum?: readonly string[] }> =
    operationOf(shown, "update")?.input.properties ?? {};
  return properties.status?.enum ?? [];
}
