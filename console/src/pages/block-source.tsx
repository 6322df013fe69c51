/** Blocks a source for some minutes: a response with an end and an undo. */
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { useNotices } from "../shell/notices.tsx";

type Props = { readonly cidr: string; readonly incidentId?: string };

export function BlockSource({ cidr, incidentId }: Props) {
  const { t, timeText } = useWords();
  const { succeeded, failed } = useNotices();
  const client = useQueryClient();
  const [minutes, setMinutes] = useState("15");
  const block = async (): Promise<void> => {
    try {
      const ttlSeconds = Math.round(Number(minutes) * 60);
      const of = incidentId === undefined ? {} : { incidentId };
      const made = await call(catalog.incident.operations.blockSource, { cidr, ttlSeconds, ...of });
      succeeded(t("blocked", { cidr, time: timeText(made.expireTime) }));
      await client.invalidateQueries();
    } catch (error) {
      failed(error);
    }
  };
  return (
    <SpaceBetween direction="horizontal" size="xs" alignItems="end">
      <FormField label={t("blockFor")}>
        <Input
          value={minutes}
          inputMode="numeric"
          onChange={({ detail }) => setMinutes(detail.value)}
        />
      </FormField>
      <Button variant="primary" onClick={() => void block()}>
        {t("blockSource")}
      </Button>
    </SpaceBetween>
  );
}
