/** The frame of every page: top bar, navigation, notices and the panel beside the content. */
import AppLayout from "@cloudscape-design/components/app-layout";
import SideNavigation, {
  type SideNavigationProps,
} from "@cloudscape-design/components/side-navigation";
import SplitPanel from "@cloudscape-design/components/split-panel";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import { applyMode, Mode } from "@cloudscape-design/global-styles";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import type { Caller } from "../../../src/services/iam/contract.ts";
import { call } from "../api/client.ts";
import { type Language, useWords } from "../language.tsx";
import { navigate, useAddress } from "../location.ts";
import { usePreference } from "../preferences.ts";
import { useDark } from "./dark-mode.ts";
import { FreshFactorDialog } from "./fresh-factor.tsx";
import { Keys, useOpenTool } from "./keys.tsx";
import { NoticeBar } from "./notices.tsx";
import { type Panel, PanelContext } from "./panel.ts";
import type { Place } from "./places.ts";
import { ValueMenuHost } from "./value-menu-host.tsx";

export default function Shell({ caller, children }: { caller: Caller; children: ReactNode }) {
  const { t } = useWords();
  const { pathname } = useAddress();
  const [panel, setPanel] = useState<Panel>();
  const [navigationOpen, setNavigationOpen] = useState(window.innerWidth > 900);
  const [tool, openTool] = useOpenTool();
  const items = useNavigation(caller.operator);
  const places = useMemo(() => placesOf(items), [items]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a panel belongs to one address
  useEffect(() => () => setPanel(undefined), [pathname]);
  return (
    <PanelContext.Provider value={setPanel}>
      <div id="top">
        <TopBar caller={caller} openPalette={() => openTool("palette")} />
        <FreshFactorDialog />
      </div>
      <Keys places={places} opened={tool} open={openTool} />
      <AppLayout
        headerSelector="#top"
        toolsHide
        navigationOpen={navigationOpen}
        onNavigationChange={({ detail }) => setNavigationOpen(detail.open)}
        navigation={<Navigation items={items} />}
        notifications={<NoticeBar />}
        content={<ValueMenuHost>{children}</ValueMenuHost>}
        splitPanelOpen={panel !== undefined}
        splitPanelPreferences={{ position: "side" }}
        onSplitPanelToggle={() => panel?.close()}
        splitPanel={
          panel === undefined ? undefined : (
            <SplitPanel header={panel.header} hidePreferencesButton closeBehavior="hide">
              {panel.content}
            </SplitPanel>
          )
        }
        ariaLabels={{ navigation: t("navigation") }}
      />
    </PanelContext.Provider>
  );
}

function TopBar({ caller, openPalette }: { caller: Caller; openPalette(): void }) {
  const { t, language, setLanguage, zone, setZone } = useWords();
  const client = useQueryClient();
  const dark = useDark();
  const [, setDark] = usePreference("dark");
  useEffect(() => applyMode(dark ? Mode.Dark : Mode.Light), [dark]);
  const signOut = async (): Promise<void> => {
    await call(catalog.iam.operations.signOut, {}).catch(() => {});
    client.clear();
    navigate("/");
    window.location.reload();
  };
  return (
    <TopNavigation
      identity={{
        href: "/",
        title: t("product"),
      }}
      utilities={[
        { type: "button", iconName: "search", text: t("paletteButton"), onClick: openPalette },
        {
          type: "button",
          text: t(zone === "utc" ? "utcTime" : "localTime"),
          onClick: () => setZone(zone === "utc" ? "local" : "utc"),
        },
        {
          type: "button",
          text: dark ? t("lightMode") : t("darkMode"),
          onClick: () => setDark(String(!dark)),
        },
        {
          type: "menu-dropdown",
          text: language === "en" ? t("english") : t("chinese"),
          // The name must contain what is seen on the button (WCAG 2.5.3).
          ariaLabel: `${t("language")}: ${language === "en" ? t("english") : t("chinese")}`,
          items: [
            { id: "en", text: t("english") },
            { id: "zh-CN", text: t("chinese") },
          ],
          onItemClick: ({ detail }) =>
            setLanguage(detail.id === "en" ? "en" : ("zh-CN" satisfies Language)),
        },
        {
          type: "menu-dropdown",
          iconName: "user-profile",
          text: caller.principalName,
          description: caller.accountName,
          items: [
            { id: "own", text: t("ownSecurity") },
            { id: "signOut", text: t("signOut") },
          ],
          onItemClick: ({ detail }) => (detail.id === "own" ? navigate("/own") : void signOut()),
        },
      ]}
    />
  );
}

type Section = SideNavigationProps.Section;

/** Where one can go: the place to add a page to. */
function useNavigation(operator: boolean): readonly (SideNavigationProps.Link | Section)[] {
  const { t, resourceTitle } = useWords();
  const link = (href: string, text: string): SideNavigationProps.Link => ({
    type: "link",
    href,
    text,
  });
  const of = (href: string, resource: string) => link(href, resourceTitle(resource));
  const section = (text: string, items: SideNavigationProps.Link[]) =>
    ({ type: "section", text, items }) satisfies Section;
  return [
    link("/", t("overview")),
    section(t("protect"), [
      of("/sites", "site"),
      of("/exclusions", "exclusion"),
      of("/list-entries", "listEntry"),
      of("/rules", "rule"),
      link("/explain", t("explain")),
    ]),
    section(t("certificatesSection"), [
      of("/certificates", "certificate"),
      of("/bindings", "binding"),
      of("/certificate-findings", "certificateFinding"),
      of("/orders", "order"),
      of("/acme-providers", "acmeProvider"),
      of("/dns-providers", "dnsProvider"),
      of("/authorities", "authority"),
      of("/issuance-policies", "issuancePolicy"),
      of("/external-accounts", "externalAccount"),
      of("/issued-certificates", "issuedCertificate"),
    ]),
    section(t("observe"), [link("/live", t("live")), link("/search", t("search"))]),
    section(t("respond"), [
      of("/incidents", "incident"),
      of("/findings", "finding"),
      of("/responses", "response"),
      of("/automatic-response", "automaticResponse"),
    ]),
    section(t("access"), [
      of("/users", "user"),
      of("/groups", "group"),
      of("/roles", "role"),
      of("/role-sessions", "roleSession"),
      of("/policies", "policy"),
      of("/bearer-keys", "bearerKey"),
      of("/access-keys", "accessKey"),
      of("/sessions", "session"),
      of("/audit", "entry"),
      link("/why", t("whyDenied")),
    ]),
    ...(operator
      ? [
          section(t("system"), [
            of("/nodes", "node"),
            of("/join-token", "joinToken"),
            of("/accounts", "account"),
            of("/guardrails", "guardrail"),
          ]),
        ]
      : []),
  ];
}

/** The same as a flat list, for the palette. */
function placesOf(items: readonly (SideNavigationProps.Link | Section)[]): Place[] {
  return items
    .flatMap((item) => (item.type === "section" ? item.items : [item]))
    .flatMap((item) => (item.type === "link" ? [{ text: item.text, href: item.href }] : []));
}

function Navigation({ items }: { items: readonly (SideNavigationProps.Link | Section)[] }) {
  const { pathname } = useAddress();
  return <SideNavigation activeHref={`/${pathname.split("/")[1] ?? ""}`} items={items} />;
}
