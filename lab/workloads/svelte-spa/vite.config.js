import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [svelte()],
  build: {
    // The edge takes /static/* from a bucket, where a release puts them; nginx serves the same paths without an edge.
    assetsDir: "static/svelte-spa",
    // The edge's CSP lets fonts come from our own host only, not from data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
