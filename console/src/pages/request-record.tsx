/** A request as it came, its secrets marked; read when asked for, since readings are audited. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import type { RequestRecordView } from "../../../src/services/waf/contract.ts";
import { call } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { Failure } from "../shell/failure.tsx";

export function RequestRecord({ siteId, uid }: { siteId: string; uid: string }) {
  const { t, timeText } = useWords();
  const [isAsked, setAsked] = useState(false);
  const query = useQuery({
    queryKey: ["waf", "requestRecord", siteId, uid],
    queryFn: () => call(catalog.waf.operations.readRequestRecord, { siteId, event: uid }),
    enabled: isAsked,
    // Each reading is recorded: one look is one entry.
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const description =
    query.data === undefined
      ? t("requestRecordAsk")
      : t("requestRecordHelp", { time: timeText(query.data.expireTime) });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={description}
          actions={
            query.data === undefined ? (
              <Button loading={isAsked && query.isPending} onClick={() => setAsked(true)}>
                {t("requestRecordShow")}
              </Button>
            ) : null
          }
        >
          {t("requestRecord")}
        </Header>
      }
    >
      {query.isError ? <Failure error={query.error} /> : null}
      {query.data === undefined ? null : <Shown record={query.data} />}
    </Container>
  );
}

function Shown({ record }: { record: RequestRecordView }) {
  const { label, valueText } = useWords();
  const { method, target, protocol, headers, body } = record;
  return (
    <SpaceBetween size="m">
      <div className="bytes">
        {method} {target} {protocol}
        {headers.map(({ name, value, isHidden }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a field may come twice, and none moves.
          <div key={at}>
            {name}: {isHidden ? <mark>{value}</mark> : value}
          </div>
        ))}
      </div>
      <Box variant="awsui-key-label">
        {label("body")}: {valueText(body.state)} ({body.bytes})
      </Box>
      {body.parts.length === 0 ? null : (
        <div className="bytes">
          {body.parts.map(({ text, isHidden }, at) =>
            // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text, in its order.
            isHidden ? <mark key={at}>{text}</mark> : <span key={at}>{text}</span>,
          )}
        </div>
      )}
    </SpaceBetween>
  );
}
