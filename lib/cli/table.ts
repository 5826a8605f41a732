import type { FreezeView } from "../wire/freeze.ts";
import { printable } from "../wire/printable.ts";
import type { RunView } from "../wire/run-view.ts";
import { age, ahead } from "./durations.ts";

/** For a run that leaves: until when, if the server says so. */
export type Listed = RunView & { readonly deadline?: string };

/** A page of a list of runs, and the freeze while there is one. */
export type Page = { readonly runs: readonly Listed[]; readonly cursor?: string; readonly freeze?: FreezeView };

/** Cut to the width, with an ellipsis if something is missing. */
const cut = (text: string, width: number): string => {
  const characters = [...text];
  return characters.length > width ? `${characters.slice(0, Math.max(0, width - 1)).join("")}…` : text;
};

/** What a held run was told, or what it says about itself. */
function toldOrSaid({ directive = "continue", reason, deadline, progress }: Listed, now: number): string {
  if (directive !== "continue") {
    const until = deadline === undefined ? "" : `, until ${ahead(deadline, now)}`;
    return `${directive}${reason === undefined ? "" : `: ${reason}`}${until}`;
  }
  if (progress === undefined) return "";
  const of = progress.of === undefined ? "" : ` of ${progress.of}`;
  return `${progress.value}${of} ${progress.note ?? ""}`.trimEnd();
}

/** What a run is doing and why, in a few words. */
export function doing(run: Listed, now: number): string {
  const { outcome = "", cause = "", endedAt, startBy, notBefore } = run;
  if (endedAt !== undefined) return `${outcome}${cause === outcome ? "" : ` (${cause})`} ${age(endedAt, now)} ago`;
  if (startBy !== undefined) return `to start ${ahead(startBy, now)}`;
  if (notBefore !== undefined) return `next attempt ${ahead(notBefore, now)}`;
  return toldOrSaid(run, now);
}

type Row = readonly [run: string, state: string, attempt: string, beat: string, host: string, what: string];

const HEAD: Row = ["RUN", "STATE", "TRY", "BEAT", "HOST", "WHAT"];
/** Wide enough for "to start in 14 min" and "next attempt in 90 s". */
const LEAST_WHAT = 22;
/** A name that is cut to this is still recognizable. */
const LEAST_HOST = 10;
const GAP = 2;

/** A table of runs. It has the given width, unless the ids need more: ids are printed in full, to be copied. */
export function runsTable(runs: readonly Listed[], now: number, width: number): string {
  if (runs.length === 0) return "no runs\n";
  const rows = runs.map(
    (run): Row => [
      run.run,
      run.state,
      String(run.attempt),
      run.lastBeatAt === undefined ? "" : `${age(run.lastBeatAt, now)} ago`,
      printable(run.host ?? ""),
      printable(doing(run, now)),
    ],
  );
  const [id, state, attempt, beat, host] = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...[HEAD, ...rows].map((row) => row[column]?.length ?? 0)),
  ) as [number, number, number, number, number];
  const left = width - (id + state + attempt + beat) - 5 * GAP;
  const hostWidth = Math.max(LEAST_HOST, Math.min(host, left - LEAST_WHAT));
  const whatWidth = Math.max(LEAST_WHAT, left - Math.max(hostWidth, 0));
  const line = ([one, two, three, four, five, six]: Row): string =>
    [
      one.padEnd(id),
      two.padEnd(state),
      three.padStart(attempt),
      four.padEnd(beat),
      cut(five, hostWidth).padEnd(Math.min(host, hostWidth)),
      cut(six, whatWidth),
    ]
      .join(" ".repeat(GAP))
      .trimEnd();
  return `${[HEAD, ...rows].map(line).join("\n")}\n`;
}
