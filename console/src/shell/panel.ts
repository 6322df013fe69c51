/** What a page shows beside itself. */
import { createContext, type ReactNode, useContext } from "react";

export type Panel = { readonly header: string; readonly content: ReactNode; close(): void };
export const PanelContext = createContext<(panel: Panel | undefined) => void>(() => {});

/** Shows something beside the page; undefined takes it away. */
export const usePanel = () => useContext(PanelContext);
