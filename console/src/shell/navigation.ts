/**
 * Where one can go, as data: the sections of the navigation and the pages in each. A page is
 * named by its resource, or by the key of its title; a resource without a list says its address.
 */
import type { UiKey } from "../messages/vocabulary.ts";
import { allShown, isPart } from "../resource/resources.ts";

type PlaceEntry =
  | { readonly resource: string; readonly href?: string }
  | { readonly title: UiKey; readonly href: string };

export type SectionEntry = {
  readonly title: UiKey;
  /** Resources of these services that no section names are added at its end. */
  readonly services: readonly string[];
  readonly operatorOnly?: boolean;
  readonly places: readonly PlaceEntry[];
};

const resources = (names: string): PlaceEntry[] =>
  names.split(" ").map((resource) => ({ resource }));

const declared: readonly SectionEntry[] = [
  {
    title: "protect",
    services: ["waf"],
    places: [
      ...resources(
        "site customRule route exclusion listEntry addressList virtualPatch ruleSet geoDatabase rule",
      ),
      { href: "/explain", title: "explain" },
    ],
  },
  {
    title: "deliverySection",
    services: ["delivery", "appgateway"],
    places: resources("upstreamState guardedPage siteUser userUrl userRequest"),
  },
  {
    title: "observe",
    services: ["events"],
    places: [
      { href: "/live", title: "live" },
      { href: "/search", title: "search" },
      ...resources("entry"),
    ],
  },
  {
    title: "respond",
    services: ["incident"],
    places: [
      ...resources("incident finding response"),
      { resource: "automaticResponse", href: "/automatic-response" },
    ],
  },
  {
    title: "notify",
    services: ["notify"],
    places: resources("notificationRoute channel silence delivery"),
  },
  {
    title: "keysSection",
    services: ["kms", "encryption"],
    places: resources("key alias grant secret"),
  },
  {
    title: "certificatesSection",
    services: ["certificates"],
    places: resources(
      "certificate certificateFinding binding order acmeProvider dnsProvider authority " +
        "issuancePolicy externalAccount issuedCertificate",
    ),
  },
  {
    title: "access",
    services: ["iam", "sts", "audit"],
    places: [
      ...resources("user invitation group role policy resourcePolicy"),
      { href: "/why", title: "whyDenied" },
      { href: "/reach", title: "reach" },
      ...resources("oidcProvider scimCredential"),
      { resource: "securitySettings", href: "/security-settings" },
      ...resources("bearerKey accessKey session roleSession"),
    ],
  },
  {
    title: "system",
    services: ["fleet", "account", "backup"],
    operatorOnly: true,
    places: [
      ...resources("node"),
      { resource: "joinToken", href: "/join-token" },
      { href: "/backup", title: "backupWatch" },
      ...resources("backup account guardrail"),
    ],
  },
];

const hrefOf = (entry: PlaceEntry): string => {
  if (entry.href !== undefined) return entry.href;
  const name = "resource" in entry ? entry.resource : "";
  const shown = allShown.find(({ resource }) => resource.name === name);
  return shown === undefined ? "/" : `/${shown.path}`;
};

/** A resource that no section names is reached all the same, through its service's section. */
function unnamedOf(services: readonly string[]): PlaceEntry[] {
  const named = new Set(declared.flatMap(({ places }) => places.map(hrefOf)));
  return allShown
    .filter((shown) => !isPart(shown))
    .filter(({ contract, path }) => services.includes(contract.service) && !named.has(`/${path}`))
    .map(({ resource }) => ({ resource: resource.name }));
}

export type Place = { readonly text: string; readonly href: string };
export type Section = { readonly text: string; readonly places: readonly Place[] };

type Titles = { t(key: UiKey): string; resourceTitle(name: string): string };

/** The sections in the chosen language; what is the operator's only for the operator. */
export function sectionsOf({ t, resourceTitle }: Titles, operator: boolean): readonly Section[] {
  const placeOf = (entry: PlaceEntry): Place => ({
    href: hrefOf(entry),
    text: "resource" in entry ? resourceTitle(entry.resource) : t(entry.title),
  });
  return declared
    .filter(({ operatorOnly = false }) => operator || !operatorOnly)
    .map(({ title, places, services }) => ({
      text: t(title),
      places: [...places, ...unnamedOf(services)].map(placeOf),
    }));
}
