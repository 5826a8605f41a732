import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

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

/** What the folder holds, or a new start when it holds nothing yet. */
export function recall(folder: string): Remembered {
  mkdirSync(folder, { recursive: true });
  const file = fileOf(folder);
  if (!existsSync(file)) return forgetful();
  const found = JSON.parse(readFileSync(file, "utf8")) as Partial<Remembered>;
  if (typeof found.keys !== "string" || typeof found.dynamodbPort !== "number" || typeof found.sqsPort !== "number")
    throw new Error(`${file} is not a file of lastbeat dev; move it away, or choose another --data folder`);
  return found as Remembered;
}

/** Written beside and renamed over, so that a crash leaves the old file or the new one. Only its owner may read the keys. */
export function remember(folder: string, remembered: Remembered): void {
  const file = fileOf(folder);
  writeFileSync(`${file}.new`, `${JSON.stringify(remembered, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
