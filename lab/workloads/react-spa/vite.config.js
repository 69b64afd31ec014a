import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    // The edge takes /static/* from a bucket, where a release puts them; nginx serves the same paths without an edge.
    assetsDir: "static/react-spa",
    // The edge's CSP lets fonts come from our own host only, not from data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
