import type { FrontDoor } from "./prices.ts";

/** What watches the metrics: nothing, alarms, or alarms and a dashboard. The metrics are written in any case. */
export const OBSERVABILITIES = ["none", "alarms", "full"] as const;
export type Observability = (typeof OBSERVABILITIES)[number];

/** The work of a deployment in a month. */
export type Load = {
  /** Live runs, on average. */
  readonly runs: number;
  /** Seconds between two beats of a run. */
  readonly beatSeconds: number;
  /** How long a run lives, in hours. Then it succeeds, and another run is registered. */
  readonly runHours: number;
  /** Attempts that fall silent, per 1,000 runs. */
  readonly lossesPerThousand: number;
  readonly frontDoor: FrontDoor;
  /** Seconds between two sweeps. */
  readonly sweepSeconds: number;
  /** Billed milliseconds of a beat's Lambda. */
  readonly beatMs: number;
  readonly observability: Observability;
};

/** The defaults of the service and of the command line. */
export const USUAL: Omit<Load, "runs"> = {
  beatSeconds: 30, // paceOf in lib/core/lease.ts, for the default lease
  runHours: 1,
  lossesPerThousand: 10,
  frontDoor: "http-api",
  sweepSeconds: 10,
  beatMs: 8, // 0.25 ms of CPU, measured, at the 7 % of a CPU that 128 MB get, and 4 ms of waiting for DynamoDB
  observability: "alarms",
};
