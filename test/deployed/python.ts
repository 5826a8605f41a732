import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Beside the packages that npm installed: gone with them, and in no commit. */
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/lastbeat", import.meta.url));

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

/**
 * The folder of the programs of an environment, which is installed when it is not there yet. One whose requirements have
 * changed, or whose installation was cut off, is made anew.
 */
export function pythonPrograms({ name, requirements, plugin, python = "python3" }: PythonEnvironment): string {
  const described = [requirements, ...(plugin === undefined ? [] : [new URL("pyproject.toml", plugin)])];
  const wanted = described.map((url) => readFileSync(url, "utf8")).join("\n");
  const folder = join(CACHE, name);
  const mark = join(folder, "installed.txt");
  if (!existsSync(mark) || readFileSync(mark, "utf8") !== wanted) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(CACHE, { recursive: true });
    const run = (file: string, ...args: readonly string[]): void => {
      execFileSync(file, [...args], { stdio: ["ignore", "ignore", "inherit"] });
    };
    const own = plugin === undefined ? [] : ["-e", fileURLToPath(plugin)];
    run(python, "-m", "venv", folder);
    const pip = join(folder, "bin/pip");
    run(pip, "install", "--quiet", "--disable-pip-version-check", "-r", fileURLToPath(requirements), ...own);
    writeFileSync(`${mark}.new`, wanted);
    renameSync(`${mark}.new`, mark);
  }
  return join(folder, "bin");
}
