import { rmSync } from "node:fs";
import { build, type Metafile } from "esbuild";

/** The Lambdas that a deployment with targets may have: clusters, webhooks. */
export const OF_TARGETS = ["watch", "dispatch"] as const;

/** Each is a Lambda: lambdas/<name>.ts, in dist/lambdas/<name>/index.mjs. */
export const LAMBDAS = [
  "beat",
  "runner",
  "owner",
  "sweep",
  "notice",
  "ticker",
  "canary",
  "rotate",
  ...OF_TARGETS,
] as const;

/**
 * Bundles each entry point with all that it needs and nothing else: the SDK of the runtime is slower to load, and not the one
 * that was tested. The same sources give the same bytes, so a deployment of what has not changed changes nothing.
 * `entryPoints`: the sources, by the path of their bundle below `outdir`, which is emptied, without its ending .mjs.
 */
export async function bundle(entryPoints: Readonly<Record<string, string>>, outdir: string): Promise<Metafile> {
  rmSync(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: { ...entryPoints },
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    target: "node24",
    mainFields: ["module", "main"],
    legalComments: "none",
    // What is left of CommonJS in a bundle of modules asks for require.
    banner: {
      js: 'import{createRequire as lastbeatRequire}from"node:module";const require=lastbeatRequire(import.meta.url);',
    },
    metafile: true,
  });
  return metafile;
}

/** All Lambdas. */
export const bundleLambdas = (outdir: string): Promise<Metafile> =>
  bundle(Object.fromEntries(LAMBDAS.map((name) => [`${name}/index`, `lambdas/${name}.ts`])), outdir);
