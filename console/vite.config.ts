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

const EVALUATED = /\/(?:src\/catalog|console\/src\/messages\/all-[\w-]+)\.ts$/;

/** Marks of the schema library, which no page reads. */
const withoutMarks = (key: string, value: unknown) => (key.startsWith("~") ? undefined : value);

/** The texts of problems come with the server's answers. */
function withoutProblems(catalog: object): object {
  const entries = Object.entries(catalog).map(([name, one]) => [name, { ...one, problems: {} }]);
  return Object.fromEntries(entries);
}

/**
 * Modules that are nothing but data are run while building; the browser gets what came of them,
 * and neither the schema library nor the language that was not chosen.
 */
function evaluatedData(): Plugin {
  return {
    name: "evaluated-data",
    enforce: "pre",
    async load(id) {
      const [path = ""] = id.split("?");
      if (!EVALUATED.test(path)) return undefined;
      const module: Record<string, unknown> = await import(path);
      const literal = (value: unknown) =>
        `JSON.parse(${JSON.stringify(JSON.stringify(value, withoutMarks))})`;
      if ("words" in module) return `export const words = ${literal(module.words)};`;
      const catalog = `export const catalog = ${literal(withoutProblems(Object(module.catalog)))};`;
      return `${catalog}\nexport const contracts = Object.values(catalog);`;
    },
  };
}

/** Files below assets/ carry a hash; nothing is inlined, since the CSP allows no data: fonts. */
export default defineConfig({
  plugins: [evaluatedData(), react(), withoutFonts(), themeStyles()],
  build: {
    target: "es2022",
    // The list of what each part loads: a test adds up the first load from it.
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2_000,
  },
});
