import { once } from "node:events";
import { start } from "./container.ts";

/*
 * `in-container.ts ROOT FOLDER ARGS...` runs the agent of a root file system in a container of its own, as a program that behaves like it:
 * the same output, signals and exit code. It says the container's id first.
 */
const [, , root = "", folder = "", ...args] = process.argv;
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^(LASTBEAT|KUBERNETES|POD)_/.test(name)),
) as Record<string, string>;
const container = start(root, { args: ["/lastbeat", ...args], environment, folders: [folder], stdio: "inherit" });
console.error(`container ${container.id}`);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => container.child.kill(signal));
const [code] = await once(container.child, "close");
container.runc("delete");
process.exit(code ?? 255);
