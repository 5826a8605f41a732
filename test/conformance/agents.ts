import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BIN } from "../e2e/processes.ts";

/** Where `npm run agents` puts the binary. */
export const GO = fileURLToPath(new URL("../../agents/go/bin/lastbeat", import.meta.url));

/** Where it puts the environment of the Python package. */
export const PYTHON = fileURLToPath(new URL("../../agents/python/.venv/bin/python", import.meta.url));

/** Only `npm run agents` tries these two: it has just built them. What lies there otherwise may be of another commit. */
const isBuilt = process.env["LASTBEAT_AGENTS"] === "built";
export const hasGo = isBuilt && existsSync(GO);
export const hasPython = isBuilt && existsSync(PYTHON);

export type Agent = { readonly name: string; readonly program: readonly [string, ...string[]] };

/** The agents in front of a command that are tried here: Node's always, the binary when it was built. */
export const AGENTS: readonly Agent[] = [
  { name: "node", program: [process.execPath, BIN] },
  ...(hasGo ? ([{ name: "go", program: [GO] }] as const) : []),
];
