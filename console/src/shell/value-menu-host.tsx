/** Gives every value of the page its actions, and shows the dialogs that some of them open. */
import { lazy, type ReactNode, Suspense, useCallback, useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import type { Operation } from "../../../src/kernel/operation.ts";
import { useWords } from "../language.tsx";
import { useAddress } from "../location.ts";
import { type AskedValue, valueActions } from "../resource/value-actions.ts";
import { ValueActionsProvider, ValueMenu } from "../resource/value-menu.tsx";
import { useNotices } from "./notices.tsx";

const OperationDialog = lazy(() => import("../resource/operation-dialog.tsx"));
/** An hour: long enough to look into it, short enough to be forgotten safely. */
const BLOCK_SECONDS = 3_600;

type Dialog = { readonly operation: Operation; readonly cidr: string; readonly initial: object };

export function ValueMenuHost({ children }: { children: ReactNode }) {
  const words = useWords();
  const { succeeded } = useNotices();
  const address = useAddress();
  const [dialog, setDialog] = useState<Dialog>();
  const { pathname } = address;
  const filter = address.searchParams.get("filter") ?? "";
  // biome-ignore lint/correctness/useExhaustiveDependencies: words change with the language only
  const actions = useCallback(
    (asked: AskedValue) =>
      valueActions(asked, {
        words,
        pathname,
        filter,
        copied: () => succeeded(words.t("copied")),
        block: (cidr) =>
          setDialog({
            operation: catalog.incident.operations.blockSource,
            cidr,
            initial: { ttlSeconds: BLOCK_SECONDS },
          }),
        allow: (cidr) =>
          setDialog({
            operation: catalog.waf.operations.createListEntry,
            cidr,
            initial: { action: "allow", ttlSeconds: BLOCK_SECONDS },
          }),
      }),
    [words.language, pathname, filter],
  );
  return (
    <ValueActionsProvider value={actions}>
      {children}
      <ValueMenu />
      {dialog === undefined ? null : (
        <Suspense>
          <OperationDialog
            operation={dialog.operation}
            fixed={{ cidr: dialog.cidr }}
            initial={{ ...dialog.initial }}
            name={dialog.cidr}
            close={() => setDialog(undefined)}
          />
        </Suspense>
      )}
    </ValueActionsProvider>
  );
}
