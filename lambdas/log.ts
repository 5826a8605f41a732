import { isNews } from "../lib/app/sweep.ts";
import { METRICS } from "../lib/names.ts";
import type { Log, LogLine } from "../lib/ports/environment.ts";

type Unit = "Count" | "Seconds";
type Measured = { readonly value: number; readonly unit: Unit };

const count = (value: number): Measured => ({ value, unit: "Count" });
const inSeconds = (value: number): Measured => ({ value, unit: "Seconds" });

/** What a line measures. Each name that is measured within an hour is paid for, so what is usually 0 is left out then. */
function measuresOf(
  { decision, verdict, counts }: LogLine,
  sweepAge: number | undefined,
): Readonly<Record<string, Measured>> {
  // Every minute, so that a canary that says nothing is seen, too.
  if (decision.startsWith("canary-")) return { [METRICS.canaryFailed]: count(decision === "canary-failed" ? 1 : 0) };
  if (verdict !== undefined)
    return {
      [METRICS.verdicts]: count(1),
      ...(verdict.silentSeconds !== undefined && { [METRICS.detection]: inSeconds(verdict.silentSeconds) }),
    };
  if (counts === undefined) return {};
  const { live = 0, debtAge = 0, silent = 0, canary = 0, valve = 0 } = counts;
  return {
    [METRICS.live]: count(live),
    ...(sweepAge !== undefined && { [METRICS.sweepAge]: inSeconds(sweepAge) }),
    [METRICS.debtAge]: inSeconds(debtAge),
    // While the valve is open, verdicts go on.
    ...(silent + canary > 0 && valve === 0 && { [METRICS.frozen]: count(1) }),
    ...(valve > 0 && { [METRICS.valveOpen]: count(1) }),
  };
}

/** The member that makes a line one of metrics. */
const METRICS_MARK = '"_aws":';

/** A line in the embedded metric format of CloudWatch: it is a log line and its measurements at once, for the price of one. */
function textOf(line: LogLine, name: string | undefined, now: number, sweepAge: number | undefined): string {
  const measures = name === undefined ? [] : Object.entries(measuresOf(line, sweepAge));
  const { verdict, ...rest } = line;
  const level = line.error === undefined ? "INFO" : "ERROR";
  if (measures.length === 0) return JSON.stringify({ level, ...rest });
  // A metric for each cause, and none for each run.
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
  /** What the deployment is called in its metrics; without it there are none. */
  readonly name: string | undefined;
  /** Lines are left out that neither measure anything, nor tell of an error, nor of who has called. */
  readonly isQuiet?: boolean;
};

/**
 * One line of JSON per decision, for CloudWatch Logs Insights. `write` takes the bare line: what goes through the console is
 * wrapped by Lambda, and its metrics are not found then. A sweep without news is told once a minute.
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
      const isSweep = line.counts !== undefined;
      const sweepAge = isSweep && sweptAt !== undefined ? (at - sweptAt) / 1000 : undefined;
      if (isSweep) sweptAt = at;
      const minute = Math.floor(at / 60_000);
      if (!isNews(line) && minute === toldMinute) return;
      if (isSweep) toldMinute = minute;
      const text = textOf(line, name, at, sweepAge);
      if (!isQuiet || line.error !== undefined || line.by !== undefined || text.includes(METRICS_MARK))
        write(`${text}\n`);
    },
  };
}
