/** Asks for a second factor: passkey, code of an app, or back-up code. */
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { provePasskey } from "../api/webauthn.ts";
import { useWords } from "../language.tsx";
import { Failure } from "../shell/failure.tsx";

export type Challenge = {
  readonly token: string;
  readonly factors: readonly string[];
  readonly passkeyOptions: Record<string, unknown> | null;
};

type Proof = { totpCode: string } | { backupCode: string } | { passkey: Record<string, unknown> };

type Props = {
  readonly challenge: Challenge;
  prove(input: { token: string } & Proof): Promise<void>;
};

export function SecondFactor({ challenge, prove }: Props) {
  const { t } = useWords();
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const { token, passkeyOptions } = challenge;
  const run = async (make: () => Promise<Proof>): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await prove({ token, ...(await make()) });
    } catch (caught) {
      setError(caught);
    }
    setBusy(false);
  };
  const byCode = async (): Promise<Proof> => {
    const text = code.trim().toLowerCase();
    return text.includes("-") ? { backupCode: text } : { totpCode: text.replaceAll(" ", "") };
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void run(byCode);
      }}
    >
      <SpaceBetween size="l">
        {error === undefined ? null : <Failure error={error} />}
        {passkeyOptions === null ? null : (
          <Button
            formAction="none"
            variant="primary"
            loading={busy}
            onClick={() => void run(async () => ({ passkey: await provePasskey(passkeyOptions) }))}
          >
            {t("usePasskey")}
          </Button>
        )}
        {challenge.factors.some((factor) => factor !== "passkey") ? (
          <FormField label={t("factorCode")} description={t("factorCodeHelp")}>
            <SpaceBetween size="s" direction="horizontal">
              <Input
                value={code}
                name="code"
                autoComplete="one-time-code"
                onChange={({ detail }) => setCode(detail.value)}
              />
              <Button loading={busy}>{t("confirm")}</Button>
            </SpaceBetween>
          </FormField>
        ) : null}
      </SpaceBetween>
    </form>
  );
}
