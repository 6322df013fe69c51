import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
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

/** Texts of problems come with the server's answers, other texts with the words of a language. */
function withoutTexts(catalog: object): object {
  const entries = Object.entries(catalog).map(([name, one]) => [
    name,
    { ...one, problems: {}, texts: {} },
  ]);
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
      const catalog = `export const catalog = ${literal(withoutTexts(Object(module.catalog)))};`;
      return `${catalog}\nexport const contracts = Object.values(catalog);`;
    },
  };
}

const START = "/console/src/start.ts";
const FIRST = "/console/src/main.tsx";

type Modules = {
  getModuleInfo(id: string): { readonly importedIds: readonly string[] } | null;
  getModuleIds(): Iterable<string>;
};

/** A module and all that it imports. */
function closureOf(id: string, modules: Modules, found = new Set<string>()): Set<string> {
  if (found.has(id)) return found;
  found.add(id);
  for (const imported of modules.getModuleInfo(id)?.importedIds ?? []) {
    closureOf(imported, modules, found);
  }
  return found;
}

/**
 * What the console needs before its first page goes into two files, what the library gives and
 * what is ours; rolldown alone would cut it into fifty by who else uses what.
 */
function firstChunks() {
  let start = new Set<string>();
  let first = new Set<string>();
  const plugin: Plugin = {
    name: "first-chunks",
    buildEnd() {
      const known = [...this.getModuleIds()];
      const of = (end: string) => closureOf(known.find((id) => id.endsWith(end)) ?? end, this);
      start = of(START);
      first = of(FIRST);
    },
    transformIndexHtml: {
      order: "post",
      handler(_html, { bundle = {} }) {
        const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
        const asked = PRELOADED.map((name) => {
          const chunk = chunks.find((one) => one.name === name);
          if (chunk === undefined) throw new Error(`There is no chunk "${name}"`);
          return chunk;
        });
        const code = new Set(asked.flatMap(({ imports, fileName }) => [...imports, fileName]));
        // What starts stands in the page as its script.
        const isLater = (file: string) =>
          chunks.some((one) => one.fileName === file && !one.isEntry);
        const styles = asked.flatMap(({ viteMetadata }) => [...(viteMetadata?.importedCss ?? [])]);
        return [
          ...[...code].filter(isLater).map((file) => link("modulepreload", file)),
          ...styles.map((file) => link("stylesheet", file)),
        ];
      },
    },
  };
  // A group takes what its modules import too, so each comes before those that import from it.
  const groups = [
    { name: "start", priority: 3, test: (id: string) => start.has(id) },
    {
      name: "library",
      priority: 2,
      test: (id: string) => first.has(id) && id.includes("/node_modules/"),
    },
    { name: "console", priority: 1, test: (id: string) => first.has(id) },
  ];
  return { plugin, groups };
}

/** Styles of ours come after the library's, so that they win. */
const PRELOADED = ["library", "console"];

const link = (rel: string, file: string) => ({
  tag: "link",
  attrs: { rel, crossorigin: true, href: `/${file}` },
  injectTo: "head" as const,
});

const brotli = promisify(brotliCompress);
/** Smaller files gain less than the header costs. */
const COMPRESSED_BYTES_MIN = 1_024;

/** Each file once more compressed, so that the server does not have to for each who asks. */
function compressed(): Plugin {
  return {
    name: "compressed",
    enforce: "post",
    generateBundle: {
      order: "post",
      async handler(_options, bundle) {
        const files = Object.values(bundle).map((file) => ({
          name: file.fileName,
          source: Buffer.from(file.type === "chunk" ? file.code : file.source),
        }));
        const large = files.filter(({ source }) => source.length >= COMPRESSED_BYTES_MIN);
        const made = large.map(async ({ name, source }) => {
          const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
          return { fileName: `${name}.br`, source: await brotli(source, { params }) };
        });
        for (const file of await Promise.all(made)) this.emitFile({ type: "asset", ...file });
      },
    },
  };
}

const first = firstChunks();

/** Files below assets/ carry a hash; nothing is inlined, since the CSP allows no data: fonts. */
export default defineConfig({
  plugins: [evaluatedData(), react(), withoutFonts(), themeStyles(), first.plugin, compressed()],
  build: {
    target: "es2022",
    // The list of what each part loads: a test adds up the first load from it.
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2_000,
    rolldownOptions: { output: { codeSplitting: { groups: first.groups } } },
  },
});
