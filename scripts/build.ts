import { rmSync } from "node:fs";
import { build } from "esbuild";
import { bundleLambdas } from "./bundle.ts";

/**
 * Builds dist/, what the package runs and what the stack deploys. The command line lies flat in it: the embedded server looks
 * for its worker beside the chunk that it is in itself, and the command line for package.json one folder up.
 */
rmSync("dist", { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: {
    cli: "lib/cli/main.ts",
    "emulators-worker": "dev/emulators-worker.ts",
    construct: "cdk/construct.ts",
  },
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  packages: "external",
  metafile: true,
});
const lambdas = await bundleLambdas("dist/lambdas");
// npm pack --json owns stdout.
console.error(
  `built ${Object.keys(metafile.outputs).length + Object.keys(lambdas.outputs).length} files from ${
    new Set([...Object.keys(metafile.inputs), ...Object.keys(lambdas.inputs)]).size
  } modules`,
);
