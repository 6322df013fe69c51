import "@cloudscape-design/global-styles/index.css";
import "virtual:cordon-theme.css";
import "./console.css";
import { applyMode, Mode } from "@cloudscape-design/global-styles";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { isRefusal } from "./api/client.ts";
import { App } from "./app.tsx";
import { LanguageProvider } from "./language.tsx";
import { followLinks, reloadWhenReplaced } from "./location.ts";
import { isDark } from "./shell/dark-mode.ts";
import { NoticesProvider } from "./shell/notices.tsx";

applyMode(isDark() ? Mode.Dark : Mode.Light);
followLinks();
reloadWhenReplaced();
/** What the server has refused it refuses again: only a fault of the way is worth another try. */
const retry = (failures: number, error: Error) => failures < 1 && !isRefusal(error);
const client = new QueryClient({ defaultOptions: { queries: { retry, staleTime: 2_000 } } });
const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <LanguageProvider>
          <NoticesProvider>
            <App />
          </NoticesProvider>
        </LanguageProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
