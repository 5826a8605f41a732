import { isNews } from "../lib/app/sweep.ts";
import { METRICS } from "../lib/names.ts";
import type { Log, LogLine } from "../lib/ports/surroundings.ts";

type Unit = "Count" | "Seconds";
type Measured = { readonly value: number; readonly unit: Unit };

const count = (value: number): Measured => ({ value, unit: "Count" });
const inSeconds = (value: number): Measured => ({ value, unit: "Seconds" });

/** What a line measures. Each name that is measured within an hour is paid for, so what is usually 0 is left out then. */
function measuresOf({ verdict, counts }: LogLine): Readonly<Record<string, Measured>> {
  if (verdict !== undefined)
    return {
      [METRICS.verdicts]: count(1),
      ...(verdict.silentSeconds !== undefined && { [METRICS.detection]: inSeconds(verdict.silentSeconds) }),
    };
  if (counts === undefined) return {};
  const { live = 0, sweepAge = 0, debtAge = 0, silent = 0, canary = 0, valve = 0 } = counts;
  return {
    [METRICS.live]: count(live),
    [METRICS.sweepAge]: inSeconds(sweepAge),
    [METRICS.debtAge]: inSeconds(debtAge),
    ...(silent + canary > 0 && { [METRICS.frozen]: count(1) }),
    ...(canary > 0 && { [METRICS.canaryFailed]: count(1) }),
    ...(valve > 0 && { [METRICS.valveOpen]: count(1) }),
  };
}

/** A line in the embedded metric format of CloudWatch: it is a log line and its measurements at once, for the price of one. */
function textOf(line: LogLine, name: string, now: number): string {
  const measures = Object.entries(measuresOf(line));
  const { verdict, ...rest } = line;
  if (measures.length === 0) return JSON.stringify({ level: "INFO", ...rest });
  // A metric for each cause, and none for each run.
  const dimensions = { [METRICS.name]: name, ...(verdict !== undefined && { [METRICS.cause]: verdict.cause }) };
  return JSON.stringify({
    level: "INFO",
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

/**
 * One line of JSON per decision, for CloudWatch Logs Insights. `write` takes the bare line: what goes through the console is
 * wrapped by Lambda, and its metrics are not found then. A sweep without news is told once a minute.
 */
export function lambdaLog(name: string, write: (text: string) => void, now: () => number = Date.now): Log {
  let toldMinute = 0;
  return {
    write: (line) => {
      const minute = Math.floor(now() / 60_000);
      if (!isNews(line) && minute === toldMinute) return;
      if (line.counts !== undefined) toldMinute = minute;
      write(`${textOf(line, name, now())}\n`);
    },
  };
}
