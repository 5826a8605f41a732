#!/usr/bin/env node
import { existsSync } from "node:fs";

if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(`lastbeat needs Node 24 or later; this is Node ${process.versions.node}.`);
  process.exit(125);
}
// A clone runs its TypeScript as it is. The package holds dist/ instead, because Node refuses to strip types in node_modules.
const clone = new URL("./lib/cli/main.ts", import.meta.url);
const { main } = await import(existsSync(clone) ? clone.href : new URL("./dist/cli.js", import.meta.url).href);
const code = await main(process.argv.slice(2));
// An agent ends at once: what it still waits for is not its run's matter. The others let their output reach its reader.
if (process.argv[2] === "exec") process.exit(code);
process.exitCode = code;
