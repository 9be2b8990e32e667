import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { defineConfig, type Plugin } from "vite";

const PAGE = "../tfaudiogan/web/page";
const LITERT = "node_modules/@litertjs/core";
// One of them is loaded: with threads where the host's headers allow them, without relaxed SIMD
// where the browser lacks it.
const VARIANTS = ["", "_compat", "_threaded"];
const version: string = JSON.parse(readFileSync(`${LITERT}/package.json`, "utf8")).version;
const runtime = `runtime-${version}/`;

/** LiteRT's WebAssembly goes beside the page, so that no other server is asked for it. */
function serveRuntime(): Plugin {
  return {
    name: "serve-runtime",
    apply: "build",
    buildStart() {
      if (!existsSync("public/model/model.json")) {
        this.error("public/model/model.json is missing; run `make web`, which puts a model there");
      }
    },
    generateBundle() {
      for (const name of VARIANTS.map((variant) => `litert_wasm${variant}_internal`)) {
        for (const ending of [".js", ".wasm"]) {
          const source = readFileSync(`${LITERT}/wasm/${name}${ending}`);
          this.emitFile({ type: "asset", fileName: runtime + name + ending, source });
        }
      }
    },
  };
}

/** The service worker learns which files the page consists of. */
function listFiles(): Plugin {
  return {
    name: "list-files",
    closeBundle() {
      const files = readdirSync(PAGE, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(PAGE, join(entry.parentPath, entry.name)).split(sep).join("/"))
        .filter((name) => name !== "sw.js" && name !== "_headers")
        .sort();
      const hash = createHash("sha256");
      for (const name of files) hash.update(name).update(readFileSync(join(PAGE, name)));
      const worker = readFileSync("sw.js", "utf8")
        .replace("__VERSION__", hash.digest("hex").slice(0, 16))
        .replace("__RUNTIME__", runtime)
        .replace('["__FILES__"]', JSON.stringify(files.filter((name) => !name.startsWith(runtime))));
      writeFileSync(join(PAGE, "sw.js"), worker);
    },
  };
}

export default defineConfig({
  base: "./",
  define: { __RUNTIME__: JSON.stringify(runtime) },
  build: {
    outDir: PAGE,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  plugins: [serveRuntime(), listFiles()],
  test: { include: ["tests/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
