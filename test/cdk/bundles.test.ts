import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Metafile } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleLambdas, LAMBDAS } from "../../scripts/bundle.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "lastbeat-bundles-"));
const [ONE, OTHER] = [join(FOLDER, "one"), join(FOLDER, "other")];
let metafile: Metafile;

beforeAll(async () => {
  metafile = await bundleLambdas(ONE);
  await bundleLambdas(OTHER);
});
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

const fileOf = (folder: string, name: string): string => join(folder, name, "index.mjs");

/** The modules that are in a bundle, by their paths from here. */
function inputsOf(name: string): readonly string[] {
  const found = Object.entries(metafile.outputs).find(([path]) => path.endsWith(`one/${name}/index.mjs`));
  if (found === undefined) throw new Error(`there is no bundle ${name}`);
  return Object.keys(found[1].inputs);
}

describe("a bundle", () => {
  /**
   * In KB of 1,000 bytes. A cold start loads and compiles all of it, before the first beat is answered: measured on Lambda's
   * image, 316 KB took 247 ms and 463 KB took 270 ms. What grows beyond these has pulled something in that it does not need.
   */
  const MOST: Readonly<Record<string, number>> = {
    beat: 50,
    watch: 590, // it asks EKS and STS
    dispatch: 630, // it looks at addresses, and reads the answers of orchestrators
    sweep: 2050, // the client of EC2 is loaded only when it is asked, and nobody waits for a sweep
  };
  const most = (name: string): number => MOST[name] ?? 560;

  test.each(LAMBDAS)("of %s is small enough to start fast", (name) => {
    const kilobytes = statSync(fileOf(ONE, name)).size / 1000;
    expect(kilobytes).toBeGreaterThan(40);
    expect(kilobytes).toBeLessThanOrEqual(most(name));
  });

  test.each(LAMBDAS)(
    "of %s has the same bytes when it is built again: what has not changed is not deployed",
    (name) => {
      expect(readFileSync(fileOf(ONE, name)).equals(readFileSync(fileOf(OTHER, name)))).toBe(true);
    },
  );

  test.each(LAMBDAS)("of %s asks for nothing but Node itself", (name) => {
    const found = Object.entries(metafile.outputs).find(([path]) => path.endsWith(`one/${name}/index.mjs`));
    const missing = found?.[1].imports.filter(({ path }) => !/^(node:)?[a-z_]+(\/[a-z]+)?$/.test(path));
    expect(missing).toEqual([]);
  });
});

describe("the bundle of beats", () => {
  const having = (pattern: RegExp): readonly string[] => inputsOf("beat").filter((path) => pattern.test(path));

  test("holds nothing of the SDK, and how to sign a call instead", () => {
    expect(inputsOf("runner").filter((path) => /@(aws-sdk|smithy)\//.test(path))).not.toEqual([]);
    expect(having(/@(aws-sdk|smithy|aws-crypto)\//)).toEqual([]);
    expect(having(/^lib\/adapters\/aws\/signature\.ts$/)).toHaveLength(1);
  });

  test("holds no client of queues, and no code of owners", () => {
    expect(inputsOf("owner").filter((path) => /client-sqs\/|^lib\/app\/register\.ts$/.test(path))).not.toEqual([]);
    expect(having(/client-sqs\//)).toEqual([]);
    expect(having(/^lambdas\/(owner|runner|connect|sweep|notice)\.ts$/)).toEqual([]);
    expect(having(/^lib\/app\/(register|inspect|sweep|reap|drain|claim|finish)\.ts$/)).toEqual([]);
  });
});
