import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BIN } from "../e2e/processes.ts";

/** Where `npm run agents` puts the binary. */
const GO = fileURLToPath(new URL("../../agents/go/bin/lastbeat", import.meta.url));

export type Agent = { readonly name: string; readonly program: readonly [string, ...string[]] };

/** The agents that can be tried here: Node's always, the binary when it was built. */
export const AGENTS: readonly Agent[] = [
  { name: "node", program: [process.execPath, BIN] },
  ...(existsSync(GO) ? ([{ name: "go", program: [GO] }] as const) : []),
];
