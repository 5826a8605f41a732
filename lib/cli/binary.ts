import { accessSync, constants } from "node:fs";
import { createRequire } from "node:module";
import { ownVersion } from "./version.ts";

/** The commands of the binary (agents/go). Of these Node has `exec` only. */
const NATIVE = new Set(["exec", "sidecar", "probe", "install"]);

/** The package that carries the binary for this platform. A release builds it: an optional dependency of this package. */
const PACKAGE = `@lastbeat/agent-${process.platform}-${process.arch}`;

/** The file of the binary, if it is installed beside this package, or named by LASTBEAT_BINARY; "off" there is for none. */
function binary(): string | undefined {
  const named = process.env["LASTBEAT_BINARY"];
  if (named === "off") return undefined;
  if (named !== undefined && named !== "") return named;
  try {
    return createRequire(import.meta.url).resolve(`${PACKAGE}/lastbeat`);
  } catch {
    return undefined; // this platform has none, or optional dependencies are not wanted
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Names the process that has become the binary. If a script stands in for it that calls us again, it gets Node, and no circle. */
const BECAME = "LASTBEAT_BECAME";

/**
 * Becomes the binary, if the command is one of its own and it is there: this process goes on as it, with its process id, its descriptors
 * and its parent. Returns otherwise. Throws for a command that only the binary has.
 */
export function becomeBinary(name: string, args: readonly string[]): void {
  const pid = String(process.pid);
  if (!NATIVE.has(name) || (name === "exec" && process.env[BECAME] === pid)) return;
  const file = binary();
  // execve ends this process where it fails.
  if (file !== undefined && isExecutable(file))
    process.execve?.(file, [file, name, ...args], { ...process.env, [BECAME]: pid });
  if (file !== undefined) throw new Error(`the binary ${file} cannot be run here; set LASTBEAT_BINARY=off for none`);
  if (name !== "exec")
    throw new Error(`lastbeat ${name} is a command of the binary, which is not installed: npm install ${PACKAGE}`);
}

/** The version of this package, and what runs commands under an attempt. */
export function versionLine(): string {
  const file = binary();
  return `${ownVersion()} (exec: ${file === undefined ? `Node ${process.versions.node}` : `the binary ${file}`})`;
}
