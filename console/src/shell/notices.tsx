/** What just happened: successes and failures of changes, at the top of every page. */
import Flashbar from "@cloudscape-design/components/flashbar";
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { useWords } from "../language.tsx";
import { Failure } from "./failure.tsx";

type Notice = { readonly id: string; readonly type: "success" | "error"; readonly text: ReactNode };
type Notices = {
  readonly notices: readonly Notice[];
  succeeded(text: string): void;
  failed(error: unknown): void;
  dismiss(id: string): void;
};

const NOTICES_MAX = 5;
const NoticesContext = createContext<Notices>({
  notices: [],
  succeeded: () => {},
  failed: () => {},
  dismiss: () => {},
});
export const useNotices = (): Notices => useContext(NoticesContext);

export function NoticesProvider({ children }: { children: ReactNode }) {
  const [notices, setNotices] = useState<readonly Notice[]>([]);
  const add = useCallback((type: Notice["type"], text: ReactNode) => {
    const id = crypto.randomUUID();
    setNotices((all) => [{ id, type, text }, ...all].slice(0, NOTICES_MAX));
  }, []);
  const value = useMemo(
    () => ({
      notices,
      succeeded: (text: string) => add("success", text),
      failed: (error: unknown) => add("error", <Failure error={error} />),
      dismiss: (id: string) => setNotices((all) => all.filter((notice) => notice.id !== id)),
    }),
    [notices, add],
  );
  return <NoticesContext.Provider value={value}>{children}</NoticesContext.Provider>;
}

export function NoticeBar() {
  const { t } = useWords();
  const { notices, dismiss } = useNotices();
  const items = notices.map(({ id, type, text }) => ({
    id,
    type,
    content: text,
    dismissible: true,
    dismissLabel: t("close"),
    onDismiss: () => dismiss(id),
  }));
  return <Flashbar items={items} />;
}
