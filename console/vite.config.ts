import react from "@vitejs/plugin-react";
import { build, defineConfig, type Plugin } from "vite";

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

const THEME = "virtual:cordon-theme.css";

/** Runs `src/theme.ts` while building, so that the browser gets plain styles. */
function themeStyles(): Plugin {
  return {
    name: "theme-styles",
    resolveId: (source) => (source === THEME ? `\0${THEME}` : undefined),
    async load(id) {
      if (id !== `\0${THEME}`) return undefined;
      const built = await build({
        configFile: false,
        logLevel: "silent",
        ssr: { noExternal: true },
        build: { ssr: "src/theme.ts", write: false },
      });
      if (!("output" in built)) throw new Error("The theme was not built to one output");
      const [{ code }] = built.output;
      const module = await import(`data:text/javascript,${encodeURIComponent(code)}`);
      return String(module.themeStylesheet());
    },
  };
}

/** Files below assets/ carry a hash; nothing is inlined, since the CSP allows no data: fonts. */
export default defineConfig({
  plugins: [react(), withoutFonts(), themeStyles()],
  build: {
    target: "es2022",
    // The list of what each part loads: a test adds up the first load from it.
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2_000,
  },
});
