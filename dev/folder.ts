import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keysOf } from "../lambdas/environment.ts";
import { Unusable } from "./unusable.ts";

/** What the embedded server remembers from one start to the next. */
export type Remembered = {
  readonly dynamodbPort: number;
  readonly sqsPort: number;
  /** As the Lambdas read it from their environment: the newest key first. */
  readonly keys: string;
};

const newKey = (): string => `dev-${randomBytes(3).toString("hex")}:${randomBytes(32).toString("base64url")}`;

/** A start without a folder: free ports, a key of its own. */
export const forgetful = (): Remembered => ({ dynamodbPort: 0, sqsPort: 0, keys: newKey() });

const fileOf = (folder: string): string => join(folder, "lastbeat.json");

/** A lost file costs what was signed with its keys, and nothing else: the runs are elsewhere in the folder. */
const REMEDY =
  "put back a copy of it, or move it away: a new one is made, and tickets and tokens given out before are refused then";

const isPort = (port: unknown): boolean => Number.isInteger(port) && Number(port) > 0 && Number(port) <= 65535;

/** What the folder holds, or a new start when it holds nothing yet. An error names the file and what to do about it. */
export function recall(folder: string): Remembered {
  open(folder);
  const file = fileOf(folder);
  if (!existsSync(file)) return forgetful();
  const found = parsed(file);
  const { keys, dynamodbPort, sqsPort } =
    typeof found === "object" && found !== null ? (found as Partial<Remembered>) : {};
  if (typeof keys !== "string" || !isPort(dynamodbPort) || !isPort(sqsPort))
    throw new Unusable(`${file} is not what lastbeat dev writes there; ${REMEDY}`);
  try {
    keysOf(keys); // or the first request would be the one to find out
  } catch (error) {
    throw new Unusable(`${file} holds keys that cannot be used (${said(error)}); ${REMEDY}`);
  }
  return { keys, dynamodbPort: Number(dynamodbPort), sqsPort: Number(sqsPort) };
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function open(folder: string): void {
  if (existsSync(folder) && !statSync(folder).isDirectory())
    throw new Unusable(`${folder} is a file; --data takes a folder`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Unusable(`the folder ${folder} cannot be made (${said(error)}); choose another one with --data`);
  }
  // Its keys sign, and its queue holds tickets: somebody else who may write there could put others in their place.
  const { uid, mode } = statSync(folder);
  if ((process.getuid !== undefined && uid !== process.getuid()) || (mode & 0o022) !== 0)
    throw new Unusable(`${folder} is not yours alone (chmod 700 ${folder}); or choose another one with --data`);
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

/** Written beside and renamed over, so that a crash leaves the old file or the new one. Only its owner may read the keys. */
export function remember(folder: string, remembered: Remembered): void {
  const file = fileOf(folder);
  rmSync(`${file}.new`, { force: true }); // what a crash has left, or a link that somebody has put there
  const text = `${JSON.stringify(remembered, undefined, 2)}\n`;
  writeFileSync(`${file}.new`, text, { mode: 0o600, flag: "wx", flush: true });
  renameSync(`${file}.new`, file);
}
