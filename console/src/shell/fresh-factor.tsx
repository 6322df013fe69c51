/** Asks for a fresh second factor when an operation wants one, then lets the operation go on. */
import Modal from "@cloudscape-design/components/modal";
import { useEffect, useRef, useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call, onFreshFactorWanted, setCsrfToken } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { type Challenge, SecondFactor } from "../pages/second-factor.tsx";

const { beginOwnConfirmation, completeOwnConfirmation } = catalog.iam.operations;

export function FreshFactorDialog() {
  const { t } = useWords();
  const [challenge, setChallenge] = useState<Challenge>();
  const answer = useRef<(confirmed: boolean) => void>(() => {});
  useEffect(() => {
    onFreshFactorWanted(async () => {
      setChallenge(await call(beginOwnConfirmation, {}));
      return new Promise((resolve) => {
        answer.current = resolve;
      });
    });
    return () => onFreshFactorWanted(undefined);
  }, []);
  const close = (confirmed: boolean): void => {
    setChallenge(undefined);
    answer.current(confirmed);
  };
  if (challenge === undefined) return null;
  return (
    <Modal
      visible
      header={t("confirmFactor")}
      closeAriaLabel={t("cancel")}
      onDismiss={() => close(false)}
    >
      <SecondFactor
        challenge={challenge}
        prove={async (proof) => {
          const { csrfToken } = await call(completeOwnConfirmation, proof);
          setCsrfToken(csrfToken);
          close(true);
        }}
      />
    </Modal>
  );
}
