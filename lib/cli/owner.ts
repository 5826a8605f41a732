import type { FreezeView } from "../wire/freeze.ts";
import { hostSegment } from "../wire/ids.ts";
import type { RecordView } from "../wire/run-view.ts";
import { type Api, Refused } from "./api.ts";
import type { OwnerCommand } from "./command.ts";
import { drill } from "./drill.ts";
import { numberFlag, secondsFlag, textFlag, wholeWithin } from "./flags.ts";
import { frozenFleet } from "./frozen.ts";
import { specOf } from "./spec.ts";
import { type Listed, type Page, runsTable } from "./table.ts";
import { recordText } from "./timeline.ts";
import { CommandError } from "./usage.ts";

export type { Flags } from "./flags.ts";

const pathOf = (run: string): string => `/v1/runs/${encodeURIComponent(run)}`;

type Registration = Listed & { readonly ticket?: string };

const register: OwnerCommand = {
  takes: ["RUN"],
  answer: async (api, [run = ""], flags) => {
    const made = await api.call<Registration>("PUT", pathOf(run), specOf(flags));
    const { state, attempt, fence, startBy } = made;
    if (flags["ticket"] === true) {
      if (made.ticket === undefined) throw new CommandError(`run ${run} is ${state}: it has no ticket to give out`);
      return { json: made, text: `${made.ticket}\n` };
    }
    const until = startBy === undefined ? "" : `, to be claimed by ${startBy}`;
    const ticket = made.ticket === undefined ? "" : `ticket ${made.ticket}\n`;
    return { json: made, text: `${run} is ${state}: attempt ${attempt}, fence ${fence}${until}\n${ticket}` };
  },
};

const show: OwnerCommand = {
  takes: ["RUN"],
  answer: async (api, [run = ""]) => {
    const record = await api.call<RecordView>("GET", pathOf(run));
    return { json: record, text: recordText(record, Date.now()) };
  },
};

const cancel: OwnerCommand = {
  takes: ["RUN"],
  answer: async (api, [run = ""], flags) => {
    const reason = textFlag(flags, "reason");
    try {
      const made = await api.call<{ state: string }>(
        "POST",
        `${pathOf(run)}/cancel`,
        reason === undefined ? {} : { reason },
      );
      const text =
        made.state === "ended" ? `${run} is canceled` : `${run} is being canceled: its holder is told to stop`;
      return { json: made, text: `${text}\n` };
    } catch (error) {
      if (!(error instanceof Refused) || error.problem !== "ended") throw error;
      const { state, outcome } = await api.call<RecordView>("GET", pathOf(run));
      if (outcome !== "canceled") throw error;
      return { json: { state, outcome }, text: `${run} is canceled already\n` };
    }
  },
};

const requeue: OwnerCommand = {
  takes: ["RUN"],
  answer: async (api, [run = ""], flags) => {
    const reason = textFlag(flags, "reason");
    const attempt = numberFlag(flags, "attempt");
    const made = await api.call<{ state: string }>("POST", `${pathOf(run)}/requeue`, {
      ...(reason !== undefined && { reason }),
      ...(attempt !== undefined && { attempt }),
    });
    const text =
      made.state === "leaving"
        ? `${run}: the old attempt is told to stop, the next one follows`
        : `${run} is queued again`;
    return { json: made, text: `${text}\n` };
  },
};

/** What the API gives at most at once. */
const PAGE = 500;
/** Twenty pages. More are read page by page, with --json and --cursor. */
export const MOST_RUNS = 10_000;

const pageOf = (api: Api, state: "live" | "ended", limit: number, cursor: string | undefined): Promise<Page> =>
  api.call<Page>(
    "GET",
    `/v1/runs?${new URLSearchParams({ state, limit: String(limit), ...(cursor !== undefined && { cursor }) })}`,
  );

/** The live or the ended runs, so many at most; a cursor where there may be more. */
async function listed(api: Api, state: "live" | "ended", wanted: number, from?: string): Promise<Page> {
  const found: Listed[] = [];
  let cursor = from;
  let freeze: FreezeView | undefined;
  do {
    const page = await pageOf(api, state, Math.min(PAGE, wanted - found.length), cursor);
    found.push(...page.runs);
    cursor = page.cursor;
    freeze = page.freeze;
  } while (cursor !== undefined && found.length < wanted);
  return { runs: found, ...(cursor !== undefined && { cursor }), ...(freeze !== undefined && { freeze }) };
}

/** The live runs, so many at most. */
export const liveRuns = (api: Api, wanted: number): Promise<Page> => listed(api, "live", wanted);

const runs: OwnerCommand = {
  takes: [],
  answer: async (api, _, flags) => {
    const wanted = wholeWithin(flags, "limit", 100, 1, MOST_RUNS);
    const state = flags["ended"] === true ? "ended" : "live";
    const json = await listed(api, state, wanted, textFlag(flags, "cursor"));
    const { runs: found, cursor, freeze } = json;
    const frozen = frozenFleet(freeze)
      .map((line) => `${line}\n`)
      .join("");
    if (flags["json"] === true) return { json, text: "" };
    // A cursor says that there may be more; one look tells, or does not.
    const next: Page = cursor === undefined ? { runs: [] } : await pageOf(api, state, 1, cursor);
    const more = next.runs.length > 0 ? "and more" : next.cursor === undefined ? "" : "and perhaps more";
    const width = process.stdout.columns ?? 80;
    return {
      json,
      text: `${frozen}${runsTable(found, Date.now(), width)}${more === "" ? "" : `${more}: --limit N\n`}`,
    };
  },
};

const drain: OwnerCommand = {
  takes: ["HOST"],
  answer: async (api, [host = ""], flags) => {
    const deadlineSeconds = secondsFlag(flags, "deadline");
    const reason = textFlag(flags, "reason");
    const json = await api.call("POST", `/v1/hosts/${hostSegment(host)}/drain`, {
      ...(deadlineSeconds !== undefined && { deadlineSeconds }),
      ...(reason !== undefined && { reason }),
    });
    const within = deadlineSeconds === undefined ? "" : ` within ${deadlineSeconds} s`;
    const until = deadlineSeconds === undefined ? "for two minutes" : "until then";
    return {
      json,
      text: `${host} is being drained: what runs there is told to leave${within}, and claims there are held ${until}\n`,
    };
  },
};

/** The commands of owners, by name. */
export const OWNER_COMMANDS: ReadonlyMap<string, OwnerCommand> = new Map(
  Object.entries({ register, runs, show, cancel, requeue, drain, drill }),
);
