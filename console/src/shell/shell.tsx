/** The frame of every page: top bar, navigation, notices and the panel beside the content. */
import AppLayout from "@cloudscape-design/components/app-layout";
import SideNavigation, {
  type SideNavigationProps,
} from "@cloudscape-design/components/side-navigation";
import SplitPanel from "@cloudscape-design/components/split-panel";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import { applyMode, Mode } from "@cloudscape-design/global-styles";
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import type { Caller } from "../../../src/services/iam/contract.ts";
import { call } from "../api/client.ts";
import { type Language, useWords } from "../language.tsx";
import { navigate, useAddress } from "../location.ts";
import { isDark, rememberDark } from "./dark-mode.ts";
import { NoticeBar } from "./notices.tsx";

type Panel = { readonly header: string; readonly content: ReactNode; close(): void };
const PanelContext = createContext<(panel: Panel | undefined) => void>(() => {});

/** Shows something beside the page; undefined takes it away. */
export const usePanel = () => useContext(PanelContext);

export function Shell({ caller, children }: { caller: Caller; children: ReactNode }) {
  const { t } = useWords();
  const { pathname } = useAddress();
  const [panel, setPanel] = useState<Panel>();
  const [navigationOpen, setNavigationOpen] = useState(window.innerWidth > 900);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a panel belongs to one address
  useEffect(() => () => setPanel(undefined), [pathname]);
  return (
    <PanelContext.Provider value={setPanel}>
      <div id="top">
        <TopBar caller={caller} />
      </div>
      <AppLayout
        headerSelector="#top"
        toolsHide
        navigationOpen={navigationOpen}
        onNavigationChange={({ detail }) => setNavigationOpen(detail.open)}
        navigation={<Navigation operator={caller.operator} />}
        notifications={<NoticeBar />}
        content={children}
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

function TopBar({ caller }: { caller: Caller }) {
  const { t, language, setLanguage } = useWords();
  const client = useQueryClient();
  const [dark, setDark] = useState(isDark);
  const toggle = (): void => {
    applyMode(dark ? Mode.Light : Mode.Dark);
    rememberDark(!dark);
    setDark(!dark);
  };
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
        { type: "button", text: dark ? t("lightMode") : t("darkMode"), onClick: toggle },
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
          items: [{ id: "signOut", text: t("signOut") }],
          onItemClick: () => void signOut(),
        },
      ]}
    />
  );
}

function Navigation({ operator }: { operator: boolean }) {
  const { t, resourceTitle } = useWords();
  const { pathname } = useAddress();
  const link = (href: string, text: string): SideNavigationProps.Link => ({
    type: "link",
    href,
    text,
  });
  const of = (href: string, resource: string) => link(href, resourceTitle(resource));
  const section = (text: string, items: SideNavigationProps.Link[]) =>
    ({ type: "section", text, items }) satisfies SideNavigationProps.Section;
  return (
    <SideNavigation
      activeHref={`/${pathname.split("/")[1] ?? ""}`}
      items={[
        link("/", t("overview")),
        section(t("protect"), [
          of("/sites", "site"),
          of("/exclusions", "exclusion"),
          of("/list-entries", "listEntry"),
          of("/rules", "rule"),
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
        ]),
        section(t("access"), [
          of("/users", "user"),
          of("/policies", "policy"),
          of("/bearer-keys", "bearerKey"),
          of("/sessions", "session"),
          of("/audit", "entry"),
        ]),
        ...(operator
          ? [section(t("system"), [of("/nodes", "node"), of("/accounts", "account")])]
          : []),
      ]}
    />
  );
}
