import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Beside the packages that npm installed: gone with them, and in no commit. */
const CACHE = fileURLToPath(new URL("../node_modules/.cache/lastbeat", import.meta.url));

export type PythonEnvironment = {
  /** The name of its folder in the cache. */
  readonly name: string;
  /** The file that lists its packages. */
  readonly requirements: URL;
  /** The folder of a package of our own, which is not copied. */
  readonly plugin?: URL;
  /** The Python that makes it. */
  readonly python?: string;
};

/** An installation has taken 90 s; whoever holds the lock longer was cut off. */
const LOCK_MS = 300_000;

/** Of several who install the same at once, in one run or in two, one does, and the others wait. */
function locked(folder: string, act: () => void): void {
  const lock = `${folder}.lock`;
  mkdirSync(CACHE, { recursive: true });
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      if (Date.now() - since > LOCK_MS) rmSync(lock, { recursive: true, force: true });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  try {
    act();
  } finally {
    rmdirSync(lock);
  }
}

/**
 * The folder of the programs of an environment, which is installed when it is not there yet. One whose requirements have
 * changed, that was moved, or whose installation was cut off, is made anew.
 */
export function pythonPrograms({ name, requirements, plugin, python = "python3" }: PythonEnvironment): string {
  const described = [requirements, ...(plugin === undefined ? [] : [new URL("pyproject.toml", plugin)])];
  const folder = join(CACHE, name);
  // The programs in it name their folder, and so does the plugin.
  const wanted = [folder, ...described.map((url) => readFileSync(url, "utf8"))].join("\n");
  const mark = join(folder, "installed.txt");
  const isThere = (): boolean => existsSync(mark) && readFileSync(mark, "utf8") === wanted;
  const install = (): void => {
    if (isThere()) return;
    console.log(`installing ${name} into ${folder}`);
    rmSync(folder, { recursive: true, force: true });
    const run = (file: string, ...args: readonly string[]): void => {
      execFileSync(file, [...args], { stdio: ["ignore", "ignore", "inherit"] });
    };
    const own = plugin === undefined ? [] : ["-e", fileURLToPath(plugin)];
    run(python, "-m", "venv", folder);
    const pip = join(folder, "bin/pip");
    run(pip, "install", "--quiet", "--disable-pip-version-check", "-r", fileURLToPath(requirements), ...own);
    writeFileSync(`${mark}.new`, wanted);
    renameSync(`${mark}.new`, mark);
  };
  if (!isThere()) locked(folder, install);
  return join(folder, "bin");
}
