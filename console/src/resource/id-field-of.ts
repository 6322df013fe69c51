/** Which fields name another resource by its id. */
import { allShown, type Shown } from "./resources.ts";

/** Ids that are named by what they are to the thing. */
const AS_ID: Readonly<Record<string, string>> = {
  boundaryPolicyId: "policyId",
  clientCertificateId: "certificateId",
  destinationKeyId: "keyId",
  mailChannelIds: "channelId",
  sourceKeyId: "keyId",
  determiningPolicyIds: "policyId",
};

/** The resource of `siteId`, or of `policyIds` for several; rules are too many to choose from. */
export function resourceOfField(name: string): Shown | undefined {
  const one = AS_ID[name] ?? (name.endsWith("Ids") ? name.slice(0, -1) : name);
  if (one === "ruleId" || one === "uid" || one === "eventUid") return undefined;
  // A resource's name is written, also where no policy lies on it yet.
  if (one === "resource") return undefined;
  return allShown.find(({ resource }) => resource.idField === one && resource.list !== undefined);
}
