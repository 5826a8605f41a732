import { randomUUID } from "node:crypto";
import { lstat, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Span, seconds } from "../core/time.ts";

/** How long to wait for a disk that does not answer, such as a hung network mount. The attempt matters more. */
const DISK: Span = seconds(2);

/** The result of work on a disk. A disk that takes too long has failed. */
export async function onDisk<T>(work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("the disk does not answer")), DISK);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const ownId = (): number => process.getuid?.() ?? 0;

/**
 * Whether a file or folder belongs to us. What other users have put there is not read, and not trusted with a token.
 */
export const isOurs = ({ uid }: { readonly uid: number }): boolean => process.getuid === undefined || uid === ownId();

/**
 * The folder for files that have to outlive the agent. A byte is written there. A chosen folder is taken as it is. The default is one folder per
 * user in the temporary folder, where another user could have made it before us. If there is none, says so and returns
 * undefined.
 */
export async function stateFolder(
  chosen: string | undefined,
  say: (line: string) => void,
): Promise<string | undefined> {
  const folder = chosen ?? join(tmpdir(), `lastbeat-${ownId()}`);
  try {
    await onDisk(mkdir(folder, { recursive: true, mode: 0o700 }));
    const probe = join(folder, `.probe-${randomUUID()}`);
    await onDisk(writeFile(probe, ".", { flag: "wx" })); // a byte proves it, and follows no link of a stranger
    await onDisk(rm(probe));
    if (chosen !== undefined) return folder;
    const found = await onDisk(lstat(folder));
    if (found.isDirectory() && isOurs(found) && (found.mode & 0o022) === 0) return folder;
    say(`${folder} is not ours alone: nothing is kept there; name another with --state-dir`);
  } catch (error) {
    say(`${folder} cannot be used, so nothing is kept there: ${(error as Error).message}`);
  }
  return undefined;
}
