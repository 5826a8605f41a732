import { lstat, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Report } from "../core/run.ts";
import { type Span, seconds } from "../core/time.ts";
import { parseBearer } from "../wire/credentials.ts";
import { ID } from "../wire/ids.ts";
import { type Answer, isDefinite } from "./answer.ts";
import { addressesOf, type Caller, frontDoors } from "./client.ts";
import { isOurs, onDisk } from "./folder.ts";

/** A report that was kept, with everything that is needed to deliver it. */
type Kept = { readonly url: string; readonly run: string; readonly token: string; readonly report: Report };

/** Keeps the report of one attempt until it is answered. */
export type Keeper = { keep(token: string, report: Report): Promise<void>; forget(): Promise<void> };

const ENDING = ".report.json";
/** A report has a message of 4 KiB and a credential. A larger file is not one of ours. */
const MOST_BYTES = 64 * 1024;
/** How many older reports one agent delivers, the newest first. A later agent finds the rest. */
const MOST_LEFTOVERS = 20;
/** After the retention of 30 days the service does not know the run any more. */
const OLDEST: Span = seconds(30 * 24 * 3600);
/** The bound of each request about another agent's run, because our own run matters more. */
const TIMEOUT: Span = seconds(10);

/** Keeps reports in the folder, under `name`. If the disk is full or read-only, the agent says so and goes on. */
export function keeper(
  folder: string | undefined,
  name: string,
  { url, run }: Pick<Kept, "url" | "run">,
  say: (line: string) => void,
  write: typeof writeFile = writeFile,
): Keeper {
  if (folder === undefined) return { keep: async () => {}, forget: async () => {} };
  const file = join(folder, `${name}${ENDING}`);
  return {
    keep: async (token, report) => {
      const kept: Kept = { url, run, token, report };
      try {
        // It is written under another name first, so that a report that is found is complete.
        await onDisk(write(`${file}.new`, JSON.stringify(kept), { mode: 0o600 }));
        await onDisk(rename(`${file}.new`, file));
      } catch (error) {
        say(`the report is not kept on disk: ${(error as Error).message}`);
        await onDisk(rm(`${file}.new`, { force: true })).catch(() => {});
      }
    },
    forget: () => remove(file),
  };
}

const remove = (file: string): Promise<void> => onDisk(rm(file, { force: true })).catch(() => {});

/** Where older reports may go: to the front doors of this agent, with the identity that they ask for. */
type Own = { readonly url: string; readonly identity?: Caller["identity"] };

/**
 * Delivers once what earlier agents could not deliver. A report with a definite answer is removed; errors are only
 * said. A report goes only to this agent's own front doors: a user who can write to the folder must not choose where a
 * cluster's identity goes.
 */
export async function deliverLeftovers(
  folder: string,
  own: Own,
  say: (line: string) => void,
  until: AbortSignal,
): Promise<void> {
  try {
    for (const file of await leftovers(folder)) {
      if (until.aborted) return;
      await deliver(file, own, say, until);
    }
  } catch (error) {
    say(`older reports could not be looked for: ${(error as Error).message}`);
  }
}

/** Our own reports in the folder, the newest first. Those that are too old to matter are removed. */
async function leftovers(folder: string): Promise<readonly string[]> {
  const found: { file: string; at: number }[] = [];
  for (const name of await onDisk(readdir(folder))) {
    if (!name.endsWith(ENDING)) continue;
    const file = join(folder, name);
    const entry = await onDisk(lstat(file)).catch(() => undefined); // delivered by another agent meanwhile
    if (entry === undefined || !entry.isFile() || !isOurs(entry) || entry.size > MOST_BYTES) continue;
    if (Date.now() - entry.mtimeMs > OLDEST) await remove(file);
    else found.push({ file, at: entry.mtimeMs });
  }
  return found
    .sort((one, other) => other.at - one.at)
    .slice(0, MOST_LEFTOVERS)
    .map(({ file }) => file);
}

async function deliver(
  file: string,
  { url, identity }: Own,
  say: (line: string) => void,
  until: AbortSignal,
): Promise<void> {
  const text = await onDisk(readFile(file, "utf8")).catch(() => undefined);
  if (text === undefined) return;
  const kept = read(text);
  if (kept === undefined) {
    say(`${file} is not a report of ours; it is removed`);
    return remove(file);
  }
  const ours = new Set(addressesOf(url));
  const addresses = addressesOf(kept.url).filter((address) => ours.has(address));
  if (addresses.length === 0) return say(`an older report of ${kept.run} belongs to another front door; it stays`);
  const door = frontDoors(addresses.join(","), { run: kept.run, timeout: TIMEOUT, until, identity });
  let answer: Answer<unknown> = { kind: "unclear", detail: "there is no front door" };
  for (const _ of addresses) {
    answer = await door.finish(kept.token, kept.report);
    if (isDefinite(answer) || until.aborted) break;
  }
  if (until.aborted && answer.kind === "unclear") return;
  const came = answer.kind === "ok" ? "delivered" : answer.kind === "problem" ? answer.name : answer.detail;
  say(`an older report of ${kept.run}: ${came}`);
  if (isDefinite(answer)) await remove(file);
}

function read(text: string): Kept | undefined {
  try {
    const { url, run, token, report } = JSON.parse(text) as Partial<Kept>;
    if (typeof url !== "string" || typeof run !== "string" || typeof token !== "string") return undefined;
    if (!ID.test(run) || parseBearer(`Bearer ${token}`)?.claims.run !== run) return undefined;
    return typeof report?.outcome === "string" ? { url, run, token, report } : undefined;
  } catch {
    return undefined;
  }
}
