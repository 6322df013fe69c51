/** A site's own rules in SecLang, as text; they are compiled before they count. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import Header from "@cloudscape-design/components/header";
import Spinner from "@cloudscape-design/components/spinner";
import Textarea from "@cloudscape-design/components/textarea";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../../src/catalog.ts";
import { call } from "../../api/client.ts";
import { useWords } from "../../language.tsx";
import { Failure } from "../../shell/failure.tsx";
import { useNotices } from "../../shell/notices.tsx";

const { getSitePolicy, updateSitePolicy } = catalog.waf.operations;
const LINES = 18;

export default function SiteSecLang({ siteId }: { siteId: string }) {
  const query = useQuery({
    queryKey: ["waf", "secLang", siteId],
    queryFn: () => call(getSitePolicy, { siteId }),
  });
  if (query.isError) return <Failure error={query.error} />;
  if (query.data === undefined) return <Spinner />;
  return <Editor key={query.data.secLang} {...{ siteId }} saved={query.data.secLang} />;
}

function Editor({ siteId, saved }: { siteId: string; saved: string }) {
  const { t, label } = useWords();
  const { succeeded } = useNotices();
  const client = useQueryClient();
  const [text, setText] = useState(saved);
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await call(updateSitePolicy, { siteId, secLang: text });
      await client.invalidateQueries();
      succeeded(t("saved"));
    } catch (caught) {
      setError(caught);
    }
    setBusy(false);
  };
  return (
    <Container
      header={
        <Header variant="h2" description={t("secLangHelp")}>
          {label("secLang")}
        </Header>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Form
          errorText={error === undefined ? undefined : <Failure error={error} />}
          actions={
            <Button variant="primary" loading={busy} disabled={text === saved}>
              {t("save")}
            </Button>
          }
        >
          <Box variant="code">
            <Textarea
              value={text}
              rows={LINES}
              spellcheck={false}
              ariaLabel={label("secLang")}
              placeholder={`SecRule REQUEST_URI "@beginsWith /internal" "id:10001,phase:1,deny,status:403"`}
              onChange={({ detail }) => setText(detail.value)}
            />
          </Box>
        </Form>
      </form>
    </Container>
  );
}
