import { globSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleLambdas, LAMBDAS } from "../../scripts/bundle.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Where cdk/lambda.ts looks for them. */
const BUNDLES = join(ROOT, "dist/lambdas");
/** What decides what is in a bundle. */
const SOURCES = ["{lib,lambdas}/**/*.ts", "scripts/bundle.ts", "package-lock.json"];

const bundleOf = (folder: string, name: string): string => join(folder, name, "index.mjs");

/** When a file was written, in Unix milliseconds; long ago when it is not there. */
const writtenAt = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function areFresh(): boolean {
  const sources = globSync(SOURCES, { cwd: ROOT }).map((file) => writtenAt(join(ROOT, file)));
  if (sources.length === 0) throw new Error("no source of the bundles was found");
  return Math.min(...LAMBDAS.map((name) => writtenAt(bundleOf(BUNDLES, name)))) > Math.max(...sources);
}

/**
 * Bundles the Lambdas into dist/ unless the bundles there are newer than their sources. Several processes may do so at once,
 * and others may read: each builds in a folder of its own, and a bundle takes the place of one of the same bytes by a rename.
 */
export async function freshBundles(): Promise<void> {
  if (areFresh()) return;
  mkdirSync(BUNDLES, { recursive: true });
  const folder = mkdtempSync(join(ROOT, "dist/bundling-"));
  try {
    await bundleLambdas(folder);
    for (const name of LAMBDAS) {
      mkdirSync(join(BUNDLES, name), { recursive: true });
      renameSync(bundleOf(folder, name), bundleOf(BUNDLES, name));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
