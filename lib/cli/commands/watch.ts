import { setTimeout as wait } from "node:timers/promises";
import type { FreezeView } from "../../wire/freeze.ts";
import { printable } from "../../wire/printable.ts";
import type { Api } from "../api.ts";
import type { LongCommand } from "../command.ts";
import { TEXT, URL_LINE } from "../common-options.ts";
import { clock, spanText } from "../durations.ts";
import { CommandError } from "../errors.ts";
import { type Flags, secondsWithin } from "../flags.ts";
import { frozenFleet } from "../frozen.ts";
import { heightOf, openScreen, widthOf } from "../screen.ts";
import { type Listed, type Page, runsTable } from "../table.ts";
import { placeOf, reach } from "../target.ts";

/** What is known, and since when the API does not answer. */
type View = {
  readonly live: readonly Listed[];
  readonly isMore: boolean;
  readonly ended: readonly Listed[];
  readonly freeze?: FreezeView;
  readonly askedAt: number | undefined;
  readonly away?: { readonly since: number; readonly why: string };
};

/** More rows than a screen has. */
const LIVE = 200;
/** Recently ended runs are shown below, with their causes. Otherwise a run that ends would only vanish. */
const ENDED = 10;
const LATELY_MS = 3_600_000;

async function look(api: Api): Promise<View> {
  const now = Date.now();
  const since = encodeURIComponent(new Date(now - LATELY_MS).toISOString());
  const [live, ended] = await Promise.all([
    api.call<Page>("GET", `/v1/runs?state=live&limit=${LIVE}`),
    api.call<Page>("GET", `/v1/runs?state=ended&limit=${ENDED}&since=${since}`),
  ]);
  const { runs, cursor, freeze } = live;
  const known = { live: runs, isMore: cursor !== undefined, ended: ended.runs, askedAt: now };
  return freeze === undefined ? known : { ...known, freeze };
}

/** The lines of one table: the title, the live runs, the ended runs. */
function linesOf(view: View, base: string, now: number, width: number, rows: number): string[] {
  const { live, isMore, ended, freeze, askedAt, away } = view;
  const time = clock(new Date(now).toISOString());
  const count = `${live.length}${isMore ? " or more" : ""} live run${live.length === 1 && !isMore ? "" : "s"}`;
  const title =
    away === undefined
      ? `lastbeat  ${time} UTC  ${count}  ${base}`
      : `lastbeat  ${time} UTC  no answer for ${spanText(now - away.since)}, trying again: ${away.why}`;
  if (askedAt === undefined) return [printable(title)];
  const known = [...live, ...ended];
  const [head = "", ...table] = runsTable(known, now, width).trimEnd().split("\n");
  const frozen = frozenFleet(freeze);
  const room = Math.max(0, rows - 3 - frozen.length - Math.min(ended.length, ENDED));
  const hidden = Math.max(0, live.length - room);
  const tail = hidden > 0 ? [...table.slice(0, room - 1), `... and ${hidden + 1} more`] : table.slice(0, live.length);
  return [printable(title), ...frozen, "", head, ...tail, ...table.slice(live.length)];
}

/** Waits, and resolves early when `until` is aborted. */
const pause = (milliseconds: number, until: AbortSignal): Promise<unknown> =>
  wait(milliseconds, undefined, { signal: until }).catch(() => {});

/** Draws tables of the live runs until it is aborted: in place on a terminal, else one after another. */
async function showUntil(api: Api, flags: Flags, stopping: AbortSignal): Promise<number> {
  const interval = secondsWithin(flags, "interval", 2, 0.1, 3600) * 1000;
  const out = process.stdout;
  let view: View = { live: [], isMore: false, ended: [], askedAt: undefined };
  const draw = (): void => {
    const now = Date.now();
    if (screen !== undefined) screen.draw(linesOf(view, api.base, now, widthOf(out), heightOf(out)));
    else out.write(`${linesOf(view, api.base, now, 80, Number.POSITIVE_INFINITY).join("\n")}\n\n`);
  };
  const screen = out.isTTY ? openScreen(out, draw) : undefined;
  try {
    while (!stopping.aborted) {
      try {
        view = await look(api);
      } catch (error) {
        if (stopping.aborted) break;
        if (!(error instanceof CommandError)) throw error;
        view = { ...view, away: { since: view.away?.since ?? view.askedAt ?? Date.now(), why: error.message } };
      }
      draw();
      await pause(interval, stopping);
    }
  } finally {
    screen?.close();
  }
  return 0;
}

/** Runs until SIGINT or SIGTERM, or until the terminal is gone. */
async function run(flags: Flags): Promise<number> {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stopping.abort());
  const { api } = await reach(placeOf(flags, process.env), process.env, stopping.signal);
  return showUntil(api, flags, stopping.signal);
}

export const watch: LongCommand = {
  usage: `  lastbeat watch [--interval SECONDS]
      show the live runs in a table that stays up to date
`,
  help: `lastbeat watch [--interval SECONDS]

Draws a table of the live runs again and again until Ctrl-C: state, attempt, age of the
last beat, host, and what the runner was told or says. Below are the runs that ended in
the last hour, and why. On a terminal the table is drawn in place; elsewhere one table
follows another. While the API does not answer, watch says so and tries again.

  --interval SECONDS   time between two tables (0.1 to 3600; 2)
${URL_LINE}
Exit codes: 0 ended by SIGINT, SIGTERM or a closed pipe; 2 wrong usage.
`,
  options: { url: TEXT, stack: TEXT, interval: TEXT },
  takes: [],
  run,
};
