import { constants, open, rm } from "node:fs/promises";
import type { Progress } from "../core/run.ts";
import { type Span, seconds } from "../core/time.ts";
import { isStorable, TEXT_BYTES } from "../wire/bounds.ts";
import { cut } from "../wire/cut.ts";
import { onDisk } from "./folder.ts";

/** A number and a note. A larger file is not meant for us. */
const MOST_BYTES = 4096;
/** How often the file is checked. */
const LOOK: Span = seconds(0.5);

/**
 * The progress in a file: a number, or an object with a value. Undefined if it is neither, or if it cannot be stored.
 */
export function parseProgress(text: string): Progress | undefined {
  const said = parsed(text);
  if (isNumber(said)) return { value: said };
  if (typeof said !== "object" || said === null) return undefined;
  const { value, of, note } = said as Readonly<Record<string, unknown>>;
  if (!isNumber(value) || (of !== undefined && !isNumber(of))) return undefined;
  if (note !== undefined && typeof note !== "string") return undefined;
  return { value, ...(of !== undefined && { of }), ...(note !== undefined && { note: cut(note, TEXT_BYTES) }) };
}

/** JSON has no Infinity, but 1e999 is read as one. It does not count as a number here. */
const isNumber = (value: unknown): value is number => typeof value === "number" && isStorable(value);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export type Watch = { stop(): Promise<void> };

/**
 * Watches the file to which the child writes its progress. `changed` hears of every change, with the progress if that
 * can be sent. If it cannot be sent, that is said once.
 */
export function watchProgress(
  file: string,
  changed: (progress: Progress | undefined) => void,
  say: (line: string) => void,
  every: Span = LOOK,
): Watch {
  let last: string | undefined;
  let hasComplained = false;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  const look = async (): Promise<void> => {
    const found = await readChange(file, last);
    if (isStopped) return;
    if (found !== undefined) {
      last = found.mark;
      const progress = found.text === undefined ? undefined : parseProgress(found.text);
      // A file that is being rewritten is empty for a moment.
      if (progress === undefined && found.text?.trim() !== "" && !hasComplained) {
        hasComplained = true;
        say(`the progress file says neither a number nor {"value": ...}: it is ignored`);
      }
      changed(progress);
    }
    timer = setTimeout(() => void look(), every);
    timer.unref();
  };
  void look();
  return {
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
      return onDisk(rm(file, { force: true })).catch(() => {});
    },
  };
}

/** The file's content with a mark of this version; undefined if it is unchanged, or not there. */
async function readChange(
  file: string,
  last: string | undefined,
): Promise<{ readonly mark: string; readonly text?: string } | undefined> {
  try {
    // Without O_NONBLOCK, a FIFO in its place would block until somebody writes to it, even after the command has
    // ended.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await handle.stat({ bigint: true });
      const mark = `${found.ino} ${found.mtimeNs} ${found.size}`;
      if (mark === last) return undefined;
      if (!found.isFile() || found.size > MOST_BYTES) return { mark };
      return { mark, text: await handle.readFile("utf8") };
    } finally {
      await handle.close();
    }
  } catch {
    return undefined; // not written yet, or being replaced; the next look finds it
  }
}
