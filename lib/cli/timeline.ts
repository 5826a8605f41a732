import { DRILL_SOURCE } from "../names.ts";
import { printable } from "../wire/printable.ts";
import type { AttemptView, RecordView } from "../wire/run-view.ts";
import { age, clock, day } from "./durations.ts";
import { frozenRun } from "./frozen.ts";
import { doing, type Listed } from "./table.ts";
import { wrapped } from "./wrapped.ts";

/** What the record says about an attempt. `told`: why it was asked to leave, if the server says so. */
type Attempt = AttemptView & { readonly told?: string };

type Moment = { readonly at: string; readonly what: string };

/**
 * Everything that happened to an attempt, by time. Two events at the same time are in the order of an attempt's life.
 */
function momentsOf(attempt: Attempt): Moment[] {
  const { claimedAt, lastBeatAt, endedAt, lateSuccessAt, evidence, holder } = attempt;
  const host = holder?.["host"];
  const moment = (at: string | undefined, what: string): Moment[] => (at === undefined ? [] : [{ at, what }]);
  return [
    ...moment(claimedAt, `claimed${host === undefined ? "" : ` on ${host}`}`),
    ...moment(lastBeatAt, "last beat"),
    ...evidence.map(({ at, kind, source, note }) => ({
      at,
      what: `${kind}, says ${source}${source === DRILL_SOURCE ? ": a drill" : ""}${note === undefined ? "" : `: ${note}`}`,
    })),
    ...moment(endedAt, `ended: ${attempt.cause}`),
    ...moment(lateSuccessAt, "reported a success, too late to count"),
  ].sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

/** Whether late evidence has moved the charge: the reason of the end came after the verdict. */
const isMoved = ({ cause, endedAt, evidence }: Attempt): boolean =>
  cause === "interrupted" && endedAt !== undefined && evidence.some(({ at }) => Date.parse(at) > Date.parse(endedAt));

function attemptLines(attempt: Attempt, stamp: (instant: string) => string): string[] {
  const { cause, charged, exitCode, signal, reason, message, told } = attempt;
  const end = cause === undefined ? "open" : `${cause}${charged === undefined ? "" : `, charged to ${charged}`}`;
  const how = [
    exitCode !== undefined && `exit code ${exitCode}`,
    signal !== undefined && `killed by ${signal}`,
    reason !== undefined && `said: ${reason}`,
    told !== undefined && `asked to leave: ${told}`,
  ].filter((part) => part !== false);
  const margin = " ".repeat(5);
  const headline = `${end}${how.length > 0 ? ` (${how.join(", ")})` : ""}`;
  return [
    ...wrapped(`${String(attempt.attempt).padStart(3)}  `, printable(headline)),
    ...momentsOf(attempt).flatMap(({ at, what }) => wrapped(`${margin}${stamp(at)}  `, printable(what))),
    ...(isMoved(attempt)
      ? wrapped(margin, "the charge was moved to interruptions: the evidence came after the verdict")
      : []),
    ...(message === undefined
      ? []
      : message
          .trimEnd()
          .split("\n")
          .flatMap((line) => wrapped(`${margin}| `, printable(line)))),
  ];
}

/** Instants with their day, unless the whole record is of one day. */
function stampFor({ registeredAt, attempts, endedAt }: RecordView): (instant: string) => string {
  const all = [endedAt, ...attempts.flatMap((attempt) => momentsOf(attempt).map(({ at }) => at))];
  const isOneDay = all.every((at) => at === undefined || day(at) === day(registeredAt));
  return isOneDay ? clock : (at) => `${day(at)} ${clock(at)}`;
}

function headline(record: RecordView & Listed, now: number): string {
  const { run, state, attempt, lastBeatAt } = record;
  const what = [
    `attempt ${attempt}`,
    lastBeatAt === undefined ? "" : `beat ${age(lastBeatAt, now)} ago`,
    doing(record, now),
  ];
  return `${run}  ${state}: ${what.filter((part) => part !== "").join(", ")}`;
}

/** The record of a run: its state, its attempts as a timeline, its budgets. Times are UTC. */
export function recordText(record: RecordView & Listed, now: number): string {
  const { registeredAt, spec, attempts, budgets } = record;
  const labels = Object.entries(spec.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const spent = Object.entries(budgets).map(([name, { used, max }]) => `${name} ${used}/${max}`);
  const stamp = stampFor(record);
  return `${[
    ...wrapped("", printable(headline(record, now))),
    ...frozenRun(record.freeze),
    `registered ${day(registeredAt)} ${clock(registeredAt)} UTC, lease ${spec.leaseSeconds} s`,
    ...(labels.length > 0 ? wrapped("labels ", printable(labels.join(" "))) : []),
    "",
    ...(attempts.length === 0
      ? ["no attempt has been claimed yet"]
      : attempts.flatMap((attempt) => attemptLines(attempt, stamp))),
    "",
    ...wrapped("spent  ", spent.join("  ")),
  ].join("\n")}\n`;
}
