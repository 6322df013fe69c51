import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Drops the fonts that come inside the library's styles: the console uses the system's. */
function withoutFonts(): Plugin {
  return {
    name: "without-fonts",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("global-styles") || !id.endsWith(".css")) return undefined;
      return code.replace(/@font-face\s*\{[^}]*\}/g, "");
    },
  };
}

/** Files below assets/ carry a hash; nothing is inlined, since the CSP allows no data: fonts. */
export default defineConfig({
  plugins: [react(), withoutFonts()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2_000,
  },
});
