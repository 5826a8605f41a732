import type { FrontDoor } from "./prices.ts";

/** What is set up to look at the metrics, which are written in any case: nothing, alarms, or alarms and a dashboard. */
export const OBSERVABILITIES = ["none", "alarms", "full"] as const;
export type Observability = (typeof OBSERVABILITIES)[number];

/** What a service is asked to do in a month. */
export type Load = {
  /** Runs that are live at a time, on average. */
  readonly runs: number;
  /** Seconds between two beats of a run. */
  readonly beatSeconds: number;
  /** How long a run lives, in hours: after that it succeeds, and another is registered. */
  readonly runHours: number;
  /** Attempts that fall silent, of each 1,000 runs. */
  readonly lossesPerThousand: number;
  readonly frontDoor: FrontDoor;
  /** Seconds between two sweeps. */
  readonly sweepSeconds: number;
  /** Billed milliseconds of a beat's Lambda. */
  readonly beatMs: number;
  readonly observability: Observability;
};

/** What the service and the command line do when nothing else is said. */
export const USUAL: Omit<Load, "runs"> = {
  beatSeconds: 30, // paceOf in lib/core/lease.ts, for the default lease
  runHours: 1,
  lossesPerThousand: 10,
  frontDoor: "http-api",
  sweepSeconds: 10,
  beatMs: 8, // 0.25 ms of CPU, measured, at the 7 % of a CPU that 128 MB get, and 4 ms of waiting for DynamoDB
  observability: "alarms",
};
