import { rmSync } from "node:fs";
import { build } from "esbuild";

/**
 * Builds dist/, what the package runs. All of it lies flat in one folder: the embedded server looks for its worker beside
 * the chunk that it is in itself, and the command line for package.json one folder up.
 */
rmSync("dist", { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: { cli: "lib/cli/main.ts", "emulators-worker": "lib/dev/emulators-worker.ts" },
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  packages: "external",
  metafile: true,
});
// npm pack --json owns stdout.
console.error(
  `built ${Object.keys(metafile.outputs).length} files from ${Object.keys(metafile.inputs).length} modules`,
);
