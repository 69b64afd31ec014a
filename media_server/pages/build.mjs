// Writes dist/: index.html, and below pages/ what it loads, each file with a hash of its content in its name.
import { readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

await rm("dist", { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: ["src/main.ts", "src/style.css", "src/icon.svg"],
  outdir: "dist/pages",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  loader: { ".svg": "copy" },
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  metafile: true,
});
const named = Object.entries(metafile.outputs).map(([path, { entryPoint }]) => [entryPoint, path.replace("dist/", "/")]);
const html = await readFile("index.html", "utf8");
await writeFile("dist/index.html", named.reduce((text, [from, to]) => text.replaceAll(`"${from}"`, `"${to}"`), html));
