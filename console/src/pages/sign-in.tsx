import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call } from "../api/client.ts";
import { session } from "../api/session.ts";
import { passkeysWork, provePasskey } from "../api/webauthn.ts";
import { useWords } from "../language.tsx";
import { OperationForm } from "../resource/operation-form.tsx";
import { Failure } from "../shell/failure.tsx";
import { ProviderChoice } from "./provider-choice.tsx";
import { type Challenge, SecondFactor } from "./second-factor.tsx";

const { signIn, beginPasskeySignIn, completeSignIn } = catalog.iam.operations;

export default function SignInPage() {
  const { t } = useWords();
  const client = useQueryClient();
  const [challenge, setChallenge] = useState<Challenge>();
  const [error, setError] = useState<unknown>();
  const done = () => void client.invalidateQueries({ queryKey: session.queryKey });
  const byPasskey = async (): Promise<void> => {
    setError(undefined);
    try {
      const { token, passkeyOptions } = await call(beginPasskeySignIn, {});
      await call(completeSignIn, { token, passkey: await provePasskey(passkeyOptions ?? {}) });
      done();
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <main className="narrow">
      <Container header={<Header variant="h1">{`${t("product")} · ${t("signIn")}`}</Header>}>
        {challenge === undefined ? (
          <SpaceBetween size="l">
            {error === undefined ? null : <Failure error={error} />}
            <OperationForm
              operation={signIn}
              submitText={t("signIn")}
              done={(answer) => {
                const asked = answer.challenge as Challenge | null;
                if (asked === null) done();
                else setChallenge(asked);
              }}
            />
            <ProviderChoice failed={setError} />
            {passkeysWork() ? (
              <Button iconName="key" onClick={() => void byPasskey()}>
                {t("signInWithPasskey")}
              </Button>
            ) : null}
          </SpaceBetween>
        ) : (
          <SecondFactor
            challenge={challenge}
            prove={async (proof) => {
              await call(completeSignIn, proof);
              done();
            }}
          />
        )}
      </Container>
    </main>
  );
}
