import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keysOf } from "../lambdas/variables.ts";
import { Unusable } from "./unusable.ts";

/** What the embedded server keeps from one start to the next. */
export type Remembered = {
  readonly dynamodbPort: number;
  readonly sqsPort: number;
  /** The keys in the form that the Lambdas read from the environment: the newest key first. */
  readonly keys: string;
};

const newKey = (): string => `dev-${randomBytes(3).toString("hex")}:${randomBytes(32).toString("base64url")}`;

/** A start without a folder: free ports, and a new key. */
export const forgetful = (): Remembered => ({ dynamodbPort: 0, sqsPort: 0, keys: newKey() });

const fileOf = (folder: string): string => join(folder, "lastbeat.json");

/** If the file is lost, only the tickets and tokens of its keys are lost: the runs are elsewhere in the folder. */
const REMEDY =
  "restore it from a copy, or move it away: then a new file is made, and earlier tickets and tokens are refused";

const isPort = (port: unknown): boolean => Number.isInteger(port) && Number(port) > 0 && Number(port) <= 65535;

/** What the folder contains, or a new start if it is empty. An error names the file and what to do about it. */
export function recall(folder: string): Remembered {
  open(folder);
  const file = fileOf(folder);
  if (!existsSync(file)) return forgetful();
  const found = parsed(file);
  const { keys, dynamodbPort, sqsPort } =
    typeof found === "object" && found !== null ? (found as Partial<Remembered>) : {};
  if (typeof keys !== "string" || !isPort(dynamodbPort) || !isPort(sqsPort))
    throw new Unusable(`${file} was not written by lastbeat dev; ${REMEDY}`);
  try {
    keysOf(keys); // otherwise the first request would fail
  } catch (error) {
    throw new Unusable(`${file} contains keys that cannot be used (${said(error)}); ${REMEDY}`);
  }
  return { keys, dynamodbPort: Number(dynamodbPort), sqsPort: Number(sqsPort) };
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function open(folder: string): void {
  if (existsSync(folder) && !statSync(folder).isDirectory())
    throw new Unusable(`${folder} is a file; name a folder with --data`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Unusable(`the folder ${folder} cannot be created (${said(error)}); choose another one with --data`);
  }
  // The folder has signing keys and tickets: another user who may write there could replace them.
  const { uid, mode } = statSync(folder);
  if ((process.getuid !== undefined && uid !== process.getuid()) || (mode & 0o022) !== 0)
    throw new Unusable(
      `${folder} is not yours, or other users can write in it: run chmod 700 ${folder}, or choose another with --data`,
    );
}

function parsed(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Unusable(`${file} cannot be read (${said(error)})`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Unusable(`${file} is ${text.trim() === "" ? "empty" : "not JSON, or cut short"}; ${REMEDY}`);
  }
}

/**
 * Writes a new file and renames it, so that a crash leaves the old file or the new one. Only its owner may read the
 * keys.
 */
export function remember(folder: string, remembered: Remembered): void {
  const file = fileOf(folder);
  rmSync(`${file}.new`, { force: true }); // a file that a crash has left, or a link that a stranger has put there
  const text = `${JSON.stringify(remembered, undefined, 2)}\n`;
  writeFileSync(`${file}.new`, text, { mode: 0o600, flag: "wx", flush: true });
  renameSync(`${file}.new`, file);
}
