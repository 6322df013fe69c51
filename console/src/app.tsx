/** Which page an address shows, and who may see it. */
import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense } from "react";
import { catalog } from "../../src/catalog.ts";
import { session } from "./api/session.ts";
import { useWords } from "./language.tsx";
import { useAddress } from "./location.ts";
import { Overview } from "./pages/overview.tsx";
import { isPart, resourceAt } from "./resource/resources.ts";
import { Failure } from "./shell/failure.tsx";
import { Shell } from "./shell/shell.tsx";

const SetupPage = lazy(() => import("./pages/setup.tsx"));
const SignInPage = lazy(() => import("./pages/sign-in.tsx"));
const InvitationPage = lazy(() => import("./pages/invitation.tsx"));
const ProviderReturn = lazy(() => import("./pages/provider-return.tsx"));
const OwnSecurity = lazy(() => import("./pages/own-security.tsx"));
const Live = lazy(() => import("./pages/live.tsx"));
const Search = lazy(() => import("./pages/search.tsx"));
const SiteDetail = lazy(() => import("./pages/site.tsx"));
const IncidentDetail = lazy(() => import("./pages/incident.tsx"));
const AuditList = lazy(() => import("./pages/audit-list.tsx"));
const AuditEntry = lazy(() => import("./pages/audit-entry.tsx"));
const EventDetail = lazy(() => import("./pages/event.tsx"));
const Explain = lazy(() => import("./pages/explain.tsx"));
const Why = lazy(() => import("./pages/why.tsx"));
const Reach = lazy(() => import("./pages/iam/reach.tsx"));
const JoinToken = lazy(() => import("./pages/join-token.tsx"));
const BackupStatus = lazy(() => import("./pages/backup/status.tsx"));
const KeyDetail = lazy(() => import("./pages/kms/key.tsx"));
const CertificateFile = lazy(() => import("./pages/certificates/pkcs12.tsx"));
const SiteAccess = lazy(() => import("./pages/appgateway/site-access.tsx"));
const SettingsPage = lazy(() => import("./pages/settings-page.tsx"));
const ResourceTable = lazy(() => import("./resource/resource-table.tsx"));
const ResourceDetail = lazy(() => import("./resource/resource-detail.tsx"));
const ResourceCreate = lazy(() => import("./resource/resource-create.tsx"));

export function App() {
  return (
    <Suspense fallback={<Waiting />}>
      <Entrance />
    </Suspense>
  );
}

function Entrance() {
  const { pathname } = useAddress();
  const caller = useQuery(session);
  if (pathname === "/setup") return <SetupPage />;
  if (pathname === "/invitation") return <InvitationPage />;
  const provider = /^\/oidc\/(oidc-[0-9a-z]{10})$/.exec(pathname)?.[1];
  if (provider !== undefined) return <ProviderReturn oidcProviderId={provider} />;
  if (caller.isPending) return <Waiting />;
  if (caller.isError) return <Failure error={caller.error} />;
  if (caller.data === null) return <SignInPage />;
  return (
    <Shell caller={caller.data}>
      <Suspense key={pathname} fallback={<Waiting />}>
        <Page pathname={pathname} />
      </Suspense>
    </Shell>
  );
}

function Waiting() {
  const { t } = useWords();
  return (
    <Box textAlign="center" padding="xxl">
      <Spinner size="large" /> {t("loading")}
    </Box>
  );
}

const { getAutomaticResponse, setAutomaticResponse } = catalog.incident.operations;
const { getSecuritySettings, updateSecuritySettings } = catalog.iam.operations;

/** Pages of one address that are no resource's. */
const plainPages: Readonly<Record<string, () => ReactNode>> = {
  explain: () => <Explain />,
  why: () => <Why />,
  reach: () => <Reach />,
  backup: () => <BackupStatus />,
  "join-token": () => <JoinToken />,
  "certificate-file": () => <CertificateFile />,
  "automatic-response": () => (
    <SettingsPage name="automaticResponse" get={getAutomaticResponse} set={setAutomaticResponse} />
  ),
  "security-settings": () => (
    <SettingsPage name="securitySettings" get={getSecuritySettings} set={updateSecuritySettings} />
  ),
};

function NotFound() {
  const { t } = useWords();
  return (
    <>
      <Box variant="h1">{t("notFound")}</Box>
      <Box>
        {t("notFoundHelp")} <Link href="/">{t("overview")}</Link>
      </Box>
    </>
  );
}

function Page({ pathname }: { pathname: string }): ReactNode {
  const [, first = "", second, third] = pathname.split("/").map(decodeURIComponent);
  if (first === "") return <Overview />;
  if (first === "own") return <OwnSecurity />;
  if (first === "live") return <Live />;
  if (first === "search" && second !== undefined) return <EventDetail uid={second} />;
  if (first === "search") return <Search />;
  if (second === undefined && Object.hasOwn(plainPages, first)) return plainPages[first]?.();
  const shown = resourceAt(first);
  if (shown === undefined || third !== undefined) return <NotFound />;
  if (first === "audit" && second === undefined) return <AuditList />;
  if (second === undefined && shown.contract.service === "appgateway") {
    return <SiteAccess key={first} path={first} />;
  }
  if (second === undefined && isPart(shown)) return <NotFound />;
  if (second === undefined) return <ResourceTable key={first} shown={shown} />;
  if (second === "create") return <ResourceCreate shown={shown} />;
  if (first === "sites") return <SiteDetail siteId={second} />;
  if (first === "incidents") return <IncidentDetail incidentId={second} />;
  if (first === "keys") return <KeyDetail shown={shown} keyId={second} />;
  if (first === "audit") return <AuditEntry entryId={second} />;
  return <ResourceDetail shown={shown} id={second} />;
}
