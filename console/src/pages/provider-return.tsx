/** Where a provider sends the browser back to: the code is handed on and leaves the address. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call } from "../api/client.ts";
import { session } from "../api/session.ts";
import { useWords } from "../language.tsx";
import { navigate } from "../location.ts";
import { Failure } from "../shell/failure.tsx";
import { type Challenge, SecondFactor } from "./second-factor.tsx";

const { completeOidcSignIn, completeSignIn } = catalog.iam.operations;

export default function ProviderReturn({ oidcProviderId }: { oidcProviderId: string }) {
  const { t } = useWords();
  const client = useQueryClient();
  const [challenge, setChallenge] = useState<Challenge>();
  const [error, setError] = useState<unknown>();
  const began = useRef(false);
  const done = async (): Promise<void> => {
    await client.invalidateQueries({ queryKey: session.queryKey });
    navigate("/", { replace: true });
  };
  useEffect(() => {
    // A code is good once: nothing may send it twice.
    if (began.current) return;
    began.current = true;
    const answer = new URLSearchParams(window.location.search);
    window.history.replaceState(null, "", window.location.pathname);
    const [state, code, iss] = ["state", "code", "iss"].map((name) => answer.get(name));
    if (!state || !code) {
      setError(new Error(t("providerRefused")));
      return;
    }
    call(completeOidcSignIn, { oidcProviderId, state, code, ...(iss ? { iss } : {}) })
      .then(({ challenge: asked }) => (asked === null ? done() : setChallenge(asked as Challenge)))
      .catch(setError);
  });
  return (
    <main className="narrow">
      <Container header={<Header variant="h1">{`${t("product")} · ${t("signIn")}`}</Header>}>
        {error === undefined ? null : (
          <SpaceBetween size="l">
            <Failure error={error} />
            <Button onClick={() => navigate("/", { replace: true })}>{t("signInAgain")}</Button>
          </SpaceBetween>
        )}
        {error === undefined && challenge === undefined ? <Spinner size="large" /> : null}
        {challenge === undefined ? null : (
          <SecondFactor
            challenge={challenge}
            prove={async (proof) => {
              await call(completeSignIn, proof);
              await done();
            }}
          />
        )}
      </Container>
    </main>
  );
}
