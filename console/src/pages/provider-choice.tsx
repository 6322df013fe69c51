/** Signing in by a provider: the account's name, then one of its providers, then away to it. */
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { usePreference } from "../preferences.ts";

const { listSignInProviders, beginOidcSignIn } = catalog.iam.operations;

type Provider = { readonly oidcProviderId: string; readonly name: string };

export function ProviderChoice({ failed }: { failed(error: unknown): void }) {
  const { t } = useWords();
  const [accountName, setAccountName] = usePreference("account");
  const [providers, setProviders] = useState<readonly Provider[]>();
  const [busy, setBusy] = useState(false);
  const run = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true);
    failed(undefined);
    await work().catch(failed);
    setBusy(false);
  };
  const go = ({ oidcProviderId }: Provider) =>
    run(async () => {
      const { authorizationUrl } = await call(beginOidcSignIn, { oidcProviderId });
      window.location.assign(authorizationUrl);
    });
  const look = () =>
    run(async () => {
      const found = await call(listSignInProviders, { accountName });
      setProviders(found.providers);
    });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void look();
      }}
    >
      <SpaceBetween size="m">
        <FormField
          label={t("accountForProviders")}
          constraintText={providers?.length === 0 ? t("noProviders") : undefined}
        >
          <SpaceBetween size="s" direction="horizontal">
            <Input
              value={accountName}
              onChange={({ detail }) => {
                setAccountName(detail.value);
                setProviders(undefined);
              }}
            />
            <Button formAction="submit" loading={busy} disabled={accountName === ""}>
              {t("showProviders")}
            </Button>
          </SpaceBetween>
        </FormField>
        {(providers ?? []).map((provider) => (
          <Button
            key={provider.oidcProviderId}
            formAction="none"
            iconName="external"
            iconAlign="right"
            onClick={() => void go(provider)}
          >
            {t("signInBy", { provider: provider.name })}
          </Button>
        ))}
      </SpaceBetween>
    </form>
  );
}
