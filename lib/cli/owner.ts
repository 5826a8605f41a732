import { readFileSync } from "node:fs";
import type { RecordView, RunView } from "../wire/record.ts";
import type { SpecBody } from "../wire/schemas.ts";
import type { Api } from "./api.ts";
import { recordText, runsTable } from "./print.ts";
import { UsageError } from "./usage.ts";

export type Flags = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

/** What a command answers: an object for --json, and a text for people. */
export type Answer = { readonly json: unknown; readonly text: string };

export type OwnerCommand = (api: Api, run: string, flags: Flags) => Promise<Answer>;

const textFlag = (flags: Flags, name: string): string | undefined => {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
};

function numberFlag(flags: Flags, name: string): number | undefined {
  const value = textFlag(flags, name);
  if (value === undefined) return undefined;
  if (value.trim() === "" || !Number.isFinite(Number(value)))
    throw new UsageError(`--${name} takes a number, not "${value}"`);
  return Number(value);
}

const pathOf = (run: string): string => `/v1/runs/${encodeURIComponent(run)}`;

function labelsOf(flags: Flags): Record<string, string> | undefined {
  const given = flags["label"];
  if (!Array.isArray(given)) return undefined;
  return Object.fromEntries(
    given.map((label) => {
      const [key = "", ...value] = String(label).split("=");
      if (key === "" || value.length === 0) throw new UsageError(`--label takes KEY=VALUE, not "${label}"`);
      return [key, value.join("=")];
    }),
  );
}

function specOf(flags: Flags): unknown {
  const file = textFlag(flags, "spec");
  if (file !== undefined) return fromFile(file);
  const counts = ["attempts", "crashes", "interruptions", "losses", "starts"].flatMap((name) => {
    const value = numberFlag(flags, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const spec: Record<string, unknown> = {
    leaseSeconds: numberFlag(flags, "lease"),
    start: textFlag(flags, "start"),
    labels: labelsOf(flags),
    ...(counts.length > 0 && { budgets: Object.fromEntries(counts) }),
  } satisfies { [K in keyof SpecBody]?: unknown };
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));
}

function fromFile(file: string): unknown {
  const text = readFileSync(file === "-" ? 0 : file, "utf8");
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${file} is not JSON`);
  }
}

type Registration = RunView & { readonly ticket?: string };

const register: OwnerCommand = async (api, run, flags) => {
  const made = await api.call<Registration>("PUT", pathOf(run), specOf(flags));
  if (flags["ticket"] === true) {
    if (made.ticket === undefined) throw new UsageError(`run ${run} is ${made.state}: it has no ticket to give out`);
    return { json: made, text: `${made.ticket}\n` };
  }
  const until = made.startBy === undefined ? "" : `, to be claimed by ${made.startBy}`;
  const ticket = made.ticket === undefined ? "" : `ticket ${made.ticket}\n`;
  return {
    json: made,
    text: `${run} is ${made.state}: attempt ${made.attempt}, fence ${made.fence}${until}\n${ticket}`,
  };
};

const show: OwnerCommand = async (api, run) => {
  const record = await api.call<RecordView>("GET", pathOf(run));
  return { json: record, text: recordText(record, Date.now()) };
};

const cancel: OwnerCommand = async (api, run, flags) => {
  const reason = textFlag(flags, "reason");
  const made = await api.call<{ state: string }>(
    "POST",
    `${pathOf(run)}/cancel`,
    reason === undefined ? {} : { reason },
  );
  const text = made.state === "ended" ? `${run} is canceled` : `${run} is being canceled: its holder is told to stop`;
  return { json: made, text: `${text}\n` };
};

const requeue: OwnerCommand = async (api, run, flags) => {
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
};

const runs: OwnerCommand = async (api, _, flags) => {
  const wanted = numberFlag(flags, "limit") ?? 100;
  const found: RunView[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({
      state: flags["ended"] === true ? "ended" : "live",
      limit: String(Math.max(1, Math.min(500, wanted - found.length))),
      ...(cursor !== undefined && { cursor }),
    });
    const page = await api.call<{ runs: RunView[]; cursor?: string }>("GET", `/v1/runs?${query}`);
    found.push(...page.runs);
    cursor = page.cursor;
  } while (cursor !== undefined && found.length < wanted);
  return { json: { runs: found }, text: runsTable(found, Date.now()) };
};

/** The commands of owners; all but `runs` name a run. */
export const OWNER_COMMANDS: Readonly<Record<string, OwnerCommand>> = { register, show, cancel, requeue, runs };
