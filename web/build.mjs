// Bundles src/ into a folder: index.html, and scripts and styles whose names carry their digest,
// each also compressed. Usage: node build.mjs [FOLDER]
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "dist");

const result = await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx" },
  bundle: true,
  minify: true,
  write: false,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  outdir: "out",
  logLevel: "warning",
});

const files = new Map();
let html = readFileSync(join(here, "src/index.html"), "utf8");
for (const file of result.outputFiles) {
  const ending = file.path.endsWith(".css") ? "css" : "js";
  const digest = createHash("sha256").update(file.contents).digest("hex").slice(0, 12);
  const name = `app-${digest}.${ending}`;
  files.set(name, Buffer.from(file.contents));
  html = html.replaceAll(`app.${ending}`, name);
}
files.set("icon.svg", readFileSync(join(here, "src/icon.svg")));
files.set("index.html", Buffer.from(html));

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
let total = 0;
for (const [name, bytes] of files) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const brotli = brotliCompressSync(bytes, { params });
  writeFileSync(join(out, name), bytes);
  writeFileSync(join(out, `${name}.br`), brotli);
  writeFileSync(join(out, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  total += brotli.length;
}
writeFileSync(join(out, "total-compressed-bytes"), `${total}\n`);
