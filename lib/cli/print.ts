import type { AttemptView, RecordView, RunView } from "../wire/record.ts";

/** Cut to the width, with an ellipsis where something is missing; padded to it otherwise. */
const cell = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);

/** A span as people say it: the two largest units at most. */
function spanText(milliseconds: number): string {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

const ago = (instant: string, now: number): string => `${spanText(now - Date.parse(instant))} ago`;
const ahead = (instant: string, now: number): string =>
  Date.parse(instant) >= now
    ? `in ${spanText(Date.parse(instant) - now)}`
    : `${spanText(now - Date.parse(instant))} overdue`;

/** What a run is doing, in a few words. */
function doing(run: RunView, now: number): string {
  if (run.endedAt !== undefined) return `${run.outcome} (${run.cause}) ${ago(run.endedAt, now)}`;
  if (run.startBy !== undefined) return `to start ${ahead(run.startBy, now)}`;
  if (run.notBefore !== undefined) return `next attempt ${ahead(run.notBefore, now)}`;
  return run.lastBeatAt === undefined ? "" : `beat ${ago(run.lastBeatAt, now)}`;
}

/** A table of runs, 80 columns wide. */
export function runsTable(runs: readonly RunView[], now: number): string {
  if (runs.length === 0) return "no runs\n";
  const row = (run: string, state: string, attempt: string, what: string, host: string): string =>
    `${cell(run, 24)} ${cell(state, 9)} ${attempt.padStart(3)}  ${cell(what, 22)} ${cell(host, 18)}`.trimEnd();
  const lines = runs.map((run) => row(run.run, run.state, String(run.attempt), doing(run, now), run.host ?? ""));
  return `${[row("RUN", "STATE", "TRY", "WHAT", "HOST"), ...lines].join("\n")}\n`;
}

const clock = (instant: string): string => instant.slice("yyyy-mm-ddT".length, "yyyy-mm-ddThh:mm:ss".length);

function attemptLines(attempt: AttemptView): string[] {
  const { cause, charged, claimedAt, lastBeatAt, endedAt, holder, exitCode, signal, reason, message, lateSuccessAt } =
    attempt;
  const end = cause === undefined ? "open" : `${cause}${charged === undefined ? "" : `, charged to ${charged}`}`;
  const how = [
    exitCode !== undefined && `exit code ${exitCode}`,
    signal !== undefined && `killed by ${signal}`,
    reason !== undefined && `said: ${reason}`,
  ].filter((part) => part !== false);
  const times = [
    claimedAt !== undefined && `claimed ${clock(claimedAt)}`,
    lastBeatAt !== undefined && `last beat ${clock(lastBeatAt)}`,
    endedAt !== undefined && `ended ${clock(endedAt)}`,
    lateSuccessAt !== undefined && `too late a success at ${clock(lateSuccessAt)}`,
  ].filter((part) => part !== false);
  return [
    `${String(attempt.attempt).padStart(3)}  ${end}${how.length > 0 ? ` (${how.join(", ")})` : ""}`,
    ...(times.length > 0 ? [`     ${times.join(", ")}`] : []),
    ...(holder?.["host"] !== undefined ? [`     on ${holder["host"]}`] : []),
    ...attempt.evidence.map(({ kind, source, at }) => `     ${clock(at)} ${kind} (${source})`),
    ...(message === undefined
      ? []
      : message
          .trimEnd()
          .split("\n")
          .map((line) => `     | ${line}`)),
  ];
}

/** The record of a run: what it is doing, its ledger as a timeline, its budgets. */
export function recordText(record: RecordView, now: number): string {
  const { run, state, attempt, registeredAt, spec, attempts, budgets, progress, directive, reason } = record;
  const labels = Object.entries(spec.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const told =
    directive === undefined || directive === "continue"
      ? []
      : [`told to ${directive}${reason === undefined ? "" : `: ${reason}`}`];
  return `${[
    `${run}  ${state}, attempt ${attempt}: ${doing(record, now)}`,
    `registered ${registeredAt.slice(0, 10)} ${clock(registeredAt)} UTC, lease ${spec.leaseSeconds} s`,
    ...(labels.length > 0 ? [`labels ${labels.join(" ")}`] : []),
    ...told,
    ...(progress === undefined
      ? []
      : [
          `progress ${progress.value}${progress.of === undefined ? "" : ` of ${progress.of}`} ${progress.note ?? ""}`.trimEnd(),
        ]),
    "",
    ...(attempts.length === 0 ? ["no attempt was claimed yet"] : attempts.flatMap(attemptLines)),
    "",
    `spent  ${Object.entries(budgets)
      .map(([name, { used, max }]) => `${name} ${used}/${max}`)
      .join("  ")}`,
  ].join("\n")}\n`;
}
