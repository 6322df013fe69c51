import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Files below assets/ carry a hash; nothing is inlined, since the CSP allows no data: fonts. */
export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2_000,
  },
});
