/** Which fields name another resource by its id. */
import type { Operation } from "../../../src/kernel/operation.ts";
import { allShown, isPart, operationOf, type Shown } from "./resources.ts";

/** Ids that are named by what they are to the thing. */
const AS_ID: Readonly<Record<string, string>> = {
  // Of a guardrail.
  accounts: "accountId",
  boundaryPolicyId: "policyId",
  clientCertificateId: "certificateId",
  destinationKeyId: "keyId",
  mailChannelIds: "channelId",
  sourceKeyId: "keyId",
  determiningPolicyIds: "policyId",
  parentId: "authorityId",
};

const BY_PREFIX = new Map(
  allShown
    .filter(({ resource }) => resource.list !== undefined)
    .map((shown) => [shown.resource.idPrefix, shown]),
);

/** The resource of an id that stands in a field of any name, such as who made something. */
export function resourceOfId(id: string): Shown | undefined {
  const prefix = /^([a-z]+)-[0-9a-z]{10}$/.exec(id)?.[1];
  return prefix === undefined ? undefined : BY_PREFIX.get(prefix);
}

/**
 * The resource of `siteId`, or of `policyIds` for several; rules are too many to choose from, and
 * parts of something else are listed with its id only.
 */
export function resourceOfField(name: string): Shown | undefined {
  const one = AS_ID[name] ?? (name.endsWith("Ids") ? name.slice(0, -1) : name);
  if (one === "ruleId" || one === "uid" || one === "eventUid") return undefined;
  // A resource's name is written, also where no policy lies on it yet.
  if (one === "resource") return undefined;
  return allShown.find(
    (shown) =>
      shown.resource.idField === one && shown.resource.list !== undefined && !isPart(shown),
  );
}

/** The field in which the resource that an operation makes has its id, when a person chooses it. */
export const idFieldMadeBy = (operation: Operation): string | undefined =>
  allShown.find((shown) => operationOf(shown, "create") === operation)?.resource.idField;
