import { DELAYED } from "../lib/app/dispatch.ts";
import { isNews, SWEPT } from "../lib/app/sweep-counts.ts";
import { CLUSTER_SILENT, WATCHED } from "../lib/app/watch-counts.ts";
import { METRICS } from "../lib/names.ts";
import type { Log, LogLine } from "../lib/ports/runtime.ts";

type Unit = "Count" | "Seconds";
type Measured = { readonly value: number; readonly unit: Unit };

const count = (value: number): Measured => ({ value, unit: "Count" });
const inSeconds = (value: number): Measured => ({ value, unit: "Seconds" });

/**
 * The metrics of a line. AWS bills each metric that has a value within an hour, so a metric that is usually 0 is left
 * out.
 */
function measuresOf(
  { decision, verdict, counts }: LogLine,
  sweepAge: number | undefined,
): Readonly<Record<string, Measured>> {
  // Every minute, so that a canary that reports nothing is noticed, too.
  if (decision.startsWith("canary-")) return { [METRICS.canaryFailed]: count(decision === "canary-failed" ? 1 : 0) };
  // The same for a cluster that is not asked any more.
  if (decision === WATCHED) return { [METRICS.clusterSilent]: count(0) };
  if (decision === CLUSTER_SILENT) return { [METRICS.clusterSilent]: count(1) };
  if (decision === DELAYED) return { [METRICS.dispatchDelayed]: count(1) };
  if (verdict !== undefined)
    return {
      [METRICS.verdicts]: count(1),
      ...(verdict.silentSeconds !== undefined && { [METRICS.detection]: inSeconds(verdict.silentSeconds) }),
    };
  // Notices count as well, but only a sweep sees the whole fleet.
  if (counts === undefined || decision !== SWEPT) return {};
  const { live = 0, debtAge = 0, silent = 0, canary = 0, valve = 0 } = counts;
  return {
    [METRICS.live]: count(live),
    ...(sweepAge !== undefined && { [METRICS.sweepAge]: inSeconds(sweepAge) }),
    [METRICS.debtAge]: inSeconds(debtAge),
    // While the valve is open, verdicts continue.
    ...(silent + canary > 0 && valve === 0 && { [METRICS.frozen]: count(1) }),
    ...(valve > 0 && { [METRICS.valveOpen]: count(1) }),
  };
}

/** The member that marks a line with metrics. */
const METRICS_MARK = '"_aws":';

/**
 * A line in the embedded metric format of CloudWatch: a log line and its metrics together, for the price of the line.
 */
function textOf(line: LogLine, name: string | undefined, now: number, sweepAge: number | undefined): string {
  const measures = name === undefined ? [] : Object.entries(measuresOf(line, sweepAge));
  const { verdict, ...rest } = line;
  const level = line.error === undefined ? "INFO" : "ERROR";
  if (measures.length === 0) return JSON.stringify({ level, ...rest });
  // There is a metric for each cause, but not for each run.
  const dimensions = { [METRICS.name]: name, ...(verdict !== undefined && { [METRICS.cause]: verdict.cause }) };
  return JSON.stringify({
    level,
    ...rest,
    ...dimensions,
    ...Object.fromEntries(measures.map(([metric, { value }]) => [metric, value])),
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [
        {
          Namespace: METRICS.namespace,
          Dimensions: [Object.keys(dimensions)],
          Metrics: measures.map(([Name, { unit: Unit }]) => ({ Name, Unit })),
        },
      ],
    },
  });
}

export type LogSettings = {
  /** The name of the deployment in its metrics; without a name there are no metrics. */
  readonly name: string | undefined;
  /** Write only lines with metrics, with an error, or with the caller of an owner's call. */
  readonly isQuiet?: boolean;
};

/**
 * One line of JSON per decision, for CloudWatch Logs Insights. `write` gets the bare line: Lambda would wrap a line of
 * the console, and CloudWatch would not find its metrics. Sweeps without news have one line a minute.
 */
export function lambdaLog(
  { name, isQuiet = false }: LogSettings,
  write: (text: string) => void,
  now: () => number = Date.now,
): Log {
  let toldMinute = 0;
  let sweptAt: number | undefined;
  return {
    write: (line) => {
      const at = now();
      const isSweep = line.decision === SWEPT;
      const sweepAge = isSweep && sweptAt !== undefined ? (at - sweptAt) / 1000 : undefined;
      if (isSweep) sweptAt = at;
      const minute = Math.floor(at / 60_000);
      const isLook = isSweep || line.decision === WATCHED;
      if (!isNews(line) && minute === toldMinute) return;
      if (isLook) toldMinute = minute;
      const text = textOf(line, name, at, sweepAge);
      if (!isQuiet || line.error !== undefined || line.by !== undefined || text.includes(METRICS_MARK))
        write(`${text}\n`);
    },
  };
}
