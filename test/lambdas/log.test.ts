import { describe, expect, test } from "vitest";
import { type LogSettings, lambdaLog } from "../../lambdas/log.ts";
import type { LogLine } from "../../lib/ports/runtime.ts";

type Metrics = { Namespace: string; Dimensions: string[][]; Metrics: { Name: string; Unit: string }[] }[];
type Line = Record<string, unknown> & { _aws?: { Timestamp: number; CloudWatchMetrics: Metrics } };

const NOON = Date.parse("2026-11-22T12:00:00.000Z");

/** What is printed of these lines, one a second. */
const printed = (...lines: readonly LogLine[]): readonly Line[] => printedBy({ name: "prod" }, ...lines);

function printedBy(settings: LogSettings, ...lines: readonly LogLine[]): readonly Line[] {
  const texts: string[] = [];
  let now = NOON;
  const log = lambdaLog(
    settings,
    (text) => texts.push(text),
    () => now,
  );
  for (const line of lines) {
    log.write(line);
    now += 1000;
  }
  expect(texts.every((text) => text.endsWith("\n") && text.indexOf("\n") === text.length - 1)).toBe(true);
  return texts.map((text) => JSON.parse(text) as Line);
}

const namesOf = ({ _aws }: Line): readonly string[] =>
  (_aws?.CloudWatchMetrics ?? []).flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name));

describe("a line of the log", () => {
  test("of a decision that ends no attempt measures nothing", () => {
    expect(printed({ decision: "registered", run: "etl" })).toEqual([
      { level: "INFO", decision: "registered", run: "etl" },
    ]);
  });

  test("of an error says so by its level, whether it measures anything or not", () => {
    const lines: readonly LogLine[] = [
      { decision: "notice-failed", error: "gone" },
      { decision: "canary-failed", error: "gone" },
    ];
    expect(printed(...lines).map(({ level }) => level)).toEqual(["ERROR", "ERROR"]);
  });

  test("of a verdict counts it by its cause, and how long the silence was; the run is no dimension", () => {
    const verdict = { cause: "lost", silentSeconds: 125.5 };
    const [line] = printed({ decision: "reaped", run: "etl", attempt: 1, cause: "lost", verdict });
    expect(line).toEqual({
      level: "INFO",
      decision: "reaped",
      run: "etl",
      attempt: 1,
      cause: "lost",
      Name: "prod",
      Cause: "lost",
      Verdicts: 1,
      DetectionLatency: 125.5,
      _aws: {
        Timestamp: NOON,
        CloudWatchMetrics: [
          {
            Namespace: "Lastbeat",
            Dimensions: [["Name", "Cause"]],
            Metrics: [
              { Name: "Verdicts", Unit: "Count" },
              { Name: "DetectionLatency", Unit: "Seconds" },
            ],
          },
        ],
      },
    });
  });

  test("of a quiet sweep is told once a minute, with the figures that are always measured", () => {
    const quiet = { decision: "swept", counts: { live: 3, reaped: 0, debtAge: 0 } };
    const lines = printed(quiet, quiet, quiet);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ Name: "prod", LiveRuns: 3, DebtAge: 0 });
    expect(printed(...Array.from({ length: 61 }, () => quiet)).map(namesOf)).toEqual([
      ["LiveRuns", "DebtAge"],
      ["LiveRuns", "SweepAge", "DebtAge"],
    ]);
  });

  test("of a sweep measures the time since the one before in the same container", () => {
    const due = { decision: "swept", counts: { live: 3, reaped: 1 } };
    expect(printed(due, due).map((line) => line["SweepAge"])).toEqual([undefined, 1]);
  });

  test("of a sweep with news is told at once, and measures what is wrong", () => {
    const quiet = { decision: "swept", counts: { live: 3 } };
    const silent = { decision: "swept", counts: { live: 3, silent: 1, frozen: 3 } };
    const cutOff = { decision: "swept", counts: { live: 3, canary: 1, frozen: 3 } };
    expect(printed(quiet, silent, cutOff).slice(1)).toMatchObject([{ Frozen: 1 }, { Frozen: 1 }]);
  });

  test("of a sweep while the valve is open says that, and not that verdicts are frozen", () => {
    const [line] = printed({ decision: "swept", counts: { live: 3, silent: 1, valve: 1 } });
    expect(line).toMatchObject({ ValveOpen: 1 });
    expect(line).not.toHaveProperty("Frozen");
  });

  test("of a notice measures nothing: only a sweep sees the whole fleet", () => {
    const [line = {}] = printed({ decision: "noticed", state: "drain", counts: { leaving: 2 } });
    expect(namesOf(line)).toEqual([]);
  });

  test("of a look at a cluster says whether it answered, and a look without news is printed once a minute", () => {
    const quiet = { decision: "watched", host: "prod-1", counts: { ended: 3, known: 3 } };
    const silent = { decision: "cluster-silent", host: "prod-1", error: "no answer" };
    const lines = printed(quiet, quiet, silent);
    expect(lines.map(namesOf)).toEqual([["ClusterSilent"], ["ClusterSilent"]]);
    expect(lines.map(({ ClusterSilent }) => ClusterSilent)).toEqual([0, 1]);
  });

  test("of the canary counts its failure, or that there was none", () => {
    expect(printed({ decision: "canary-sang" }, { decision: "canary-failed" })).toMatchObject([
      { CanaryFailed: 0 },
      { CanaryFailed: 1 },
    ]);
  });

  test("measures nothing where the deployment has no name for its metrics", () => {
    const verdict = { decision: "reaped", run: "etl", verdict: { cause: "lost" } };
    expect(printedBy({ name: undefined }, verdict)).toEqual([{ level: "INFO", decision: "reaped", run: "etl" }]);
  });

  test("of who has called is never left out", () => {
    const asked: LogLine = { decision: "asked", call: "cancel", by: "arn:aws:iam::1:user/ann", status: 202 };
    expect(printedBy({ name: "prod", isQuiet: true }, asked)).toHaveLength(1);
  });

  test("that neither measures anything nor tells of an error is left out when that is asked for", () => {
    const lines = [
      { decision: "registered", run: "etl" },
      { decision: "reaped", verdict: { cause: "lost" } },
      { decision: "notice-failed", error: "the table is away" },
    ];
    const told = printedBy({ name: "prod", isQuiet: true }, ...lines).map((line) => line["decision"]);
    expect(told).toEqual(["reaped", "notice-failed"]);
  });
});
