/** Who used which URL of a site: its users, its URLs or the requests, each list as its own page. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { catalog } from "../../../../src/catalog.ts";
import { call } from "../../api/client.ts";
import { useWords, WordsOf } from "../../language.tsx";
import { addressOf, navigate, setQueryValues, useAddress } from "../../location.ts";
import { readTokens, writeTokens } from "../../resource/filter-text.ts";
import IdField from "../../resource/id-field.tsx";
import { useNamed } from "../../resource/names.ts";
import { ResourceEmpty } from "../../resource/resource-empty.tsx";
import ResourceTable from "../../resource/resource-table.tsx";
import { allShown, requestFields, resourceAt, type Shown } from "../../resource/resources.ts";
import { Failure } from "../../shell/failure.tsx";
import { useTimeRange } from "../time-range.ts";

const RangePicker = lazy(() => import("../range-picker.tsx"));
const { getUserAudit, setUserAudit } = catalog.appgateway.operations;

type Props = {
  /** Of one of the three lists. */
  readonly path: string;
  /** The site whose page this is a part of; absent: a page where one is chosen. */
  readonly siteId?: string;
};

export default function SiteAccess({ path, siteId }: Props) {
  const shown = resourceAt(path);
  if (shown === undefined) return null;
  return (
    <WordsOf service="appgateway">
      {siteId === undefined ? (
        <ChosenSite shown={shown} />
      ) : (
        <AccessList {...{ shown, siteId }} embedded />
      )}
    </WordsOf>
  );
}

/** The site of the address, or the first there is. */
function ChosenSite({ shown }: { shown: Shown }) {
  const { searchParams } = useAddress();
  const { resourceTitle } = useWords();
  const sites = resourceAt("sites");
  const query = useNamed(sites);
  const siteId = searchParams.get("siteId") ?? String(query.data?.[0]?.siteId ?? "");
  if (sites === undefined) return null;
  if (siteId !== "") return <AccessList {...{ shown, siteId }} embedded="page" />;
  if (query.isPending) return <Spinner />;
  return (
    <SpaceBetween size="l">
      <Header variant="h1">{resourceTitle(shown.resource.name)}</Header>
      {query.isError ? (
        <Failure error={query.error} />
      ) : (
        <WordsOf service={sites.contract.service}>
          <ResourceEmpty
            shown={sites}
            error={null}
            filtered={false}
            clearFilter={() => {}}
            retry={() => void query.refetch()}
          />
        </WordsOf>
      )}
    </SpaceBetween>
  );
}

type ListProps = {
  readonly shown: Shown;
  readonly siteId: string;
  readonly embedded: true | "page";
};

function AccessList({ shown, siteId, embedded }: ListProps) {
  const { t, label } = useWords();
  const sites = resourceAt("sites");
  const range = useTimeRange();
  const { startTime, endTime } = range;
  const times = { startTime, ...(endTime === undefined ? {} : { endTime }) };
  return (
    <SpaceBetween size="m">
      <SpaceBetween direction="horizontal" size="m" alignItems="end">
        {sites === undefined || embedded === true ? null : (
          <FormField label={label("siteId")}>
            <IdField
              {...{ shown: sites, several: false, required: true, text: siteId }}
              set={(next) => setQueryValues({ siteId: next, page: "", row: "" })}
            />
          </FormField>
        )}
        <FormField label={t("range")}>
          <Suspense fallback={t("loading")}>
            <RangePicker range={range} />
          </Suspense>
        </FormField>
        <Lists {...{ shown, siteId }} />
      </SpaceBetween>
      <NobodyNamed siteId={siteId} />
      <ResourceTable shown={shown} fixed={{ siteId, ...times }} embedded={embedded} />
    </SpaceBetween>
  );
}

/** The same site, time and filter as another of the three lists. */
function Lists({ shown, siteId }: { shown: Shown; siteId: string }) {
  const { t, resourceTitle } = useWords();
  const { searchParams } = useAddress();
  const of = (name: string) => searchParams.get(name) ?? "";
  const lists = allShown.filter(({ contract }) => contract === shown.contract);
  const change = (path: string): void => {
    // What one list counts, such as the URLs of a user, no other has.
    const tokens = readTokens(of("filter")).filter(
      ({ field }) => field !== undefined && requestFields.includes(field),
    );
    const kept = { range: of("range"), from: of("from"), to: of("to") };
    navigate(addressOf(`/${path}`, { siteId, ...kept, filter: writeTokens(tokens) }));
  };
  return (
    <SegmentedControl
      label={t("accessLists")}
      selectedId={shown.path}
      onChange={({ detail }) => change(detail.selectedId)}
      options={lists.map(({ path, resource }) => ({
        id: path,
        text: resourceTitle(resource.name),
      }))}
    />
  );
}

/** Where a site names nobody, its lists stay empty: this says so, and where to change it. */
function NobodyNamed({ siteId }: { siteId: string }) {
  const { t, about, operationTitle } = useWords();
  const query = useQuery({
    queryKey: ["appgateway", "userAudit", siteId],
    queryFn: () => call(getUserAudit, { siteId }),
    retry: false,
  });
  // Whoever may not read the settings still has the lists.
  if (query.data?.identitySource !== "off") return null;
  return (
    <Alert
      type="info"
      header={t("nobodyNamed")}
      action={
        <Button href={`/sites/${siteId}?tab=userAudit`}>{operationTitle(setUserAudit)}</Button>
      }
    >
      {about("userAudit")}
    </Alert>
  );
}
