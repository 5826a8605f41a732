import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
/** Beside the packages that npm installed: gone with them, and in no commit. */
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/lastbeat", import.meta.url));

/**
 * The program of a Python package in an environment of its own, installed when it is not there yet. An environment whose
 * requirements have changed, or whose installation was cut off, is made anew.
 */
export function pythonProgram(requirements: string, program: string): string {
  const wanted = readFileSync(join(HERE, requirements), "utf8");
  const folder = join(CACHE, requirements.replace(".txt", ""));
  const mark = join(folder, "installed.txt");
  if (!existsSync(mark) || readFileSync(mark, "utf8") !== wanted) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(CACHE, { recursive: true });
    const run = (file: string, ...args: readonly string[]): void => {
      execFileSync(file, [...args], { stdio: ["ignore", "ignore", "inherit"] });
    };
    run("python3", "-m", "venv", folder);
    run(join(folder, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", "-r", join(HERE, requirements));
    writeFileSync(`${mark}.new`, wanted);
    renameSync(`${mark}.new`, mark);
  }
  return join(folder, "bin", program);
}
