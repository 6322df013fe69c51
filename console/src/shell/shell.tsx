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
import { type Section, sectionsOf } from "./navigation.ts";
import { useNavigationOpen } from "./navigation-open.ts";
import { NoticeBar } from "./notices.tsx";
import { type Panel, PanelContext } from "./panel.ts";
import { ValueMenuHost } from "./value-menu-host.tsx";

export function Shell({ caller, children }: { caller: Caller; children: ReactNode }) {
  const words = useWords();
  const { pathname } = useAddress();
  const [panel, setPanel] = useState<Panel>();
  const [navigationOpen, setNavigationOpen] = useNavigationOpen();
  const [tool, openTool] = useOpenTool();
  const { t } = words;
  const sections = useMemo(() => sectionsOf(words, caller.operator), [words, caller.operator]);
  const places = useMemo(
    () => [
      { text: words.t("overview"), href: "/" },
      ...sections.flatMap((section) => section.places),
    ],
    [words, sections],
  );
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
        navigation={<Navigation sections={sections} />}
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
    const ended = await call(catalog.iam.operations.signOut, {}).catch(() => undefined);
    client.clear();
    navigate("/");
    // A session that began at a provider ends there too, or the next click would be signed in.
    if (typeof ended?.providerSignOutUrl === "string") {
      window.location.assign(ended.providerSignOutUrl);
    } else window.location.reload();
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

/** Only the section of the page that is open is unfolded: there are many pages. */
function Navigation({ sections }: { sections: readonly Section[] }) {
  const { t } = useWords();
  const { pathname } = useAddress();
  const active = `/${pathname.split("/")[1] ?? ""}`;
  const [toggled, setToggled] = useState<Readonly<Record<string, boolean>>>({});
  return (
    <SideNavigation
      activeHref={active}
      onChange={({ detail }) => {
        const { text } = detail.item;
        setToggled((all) => ({ ...all, [text]: detail.expanded }));
      }}
      items={[
        { type: "link", href: "/", text: t("overview") },
        ...sections.map(
          ({ text, places }) =>
            ({
              type: "section",
              text,
              defaultExpanded: toggled[text] ?? places.some(({ href }) => href === active),
              items: places.map((place) => ({ type: "link", ...place })),
            }) satisfies SideNavigationProps.Section,
        ),
      ]}
    />
  );
}
