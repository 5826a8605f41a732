import { spawn } from "node:child_process";
import type { Guard } from "./bound.ts";

/** The slowest deployment has taken 60 s, on a busy machine. */
const LIMIT_MS = 300_000;

/** Runs a program to its end; rejects with what it printed when it fails. */
export function run(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  guarded?: Guard,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"], timeout: LIMIT_MS });
    guarded?.watch(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text) => {
        output += String(text);
      });
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${file} ${args.join(" ")}: exit code ${code}\n${output}`)),
    );
  });
}
