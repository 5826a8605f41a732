import {
  BEAT,
  BEAT_OF_NOBODY,
  CANARY_WORD,
  CLAIM,
  FINISH,
  KEPT_DAYS,
  KEPT_PER_RUN_BYTES,
  LINE_BYTES,
  LINE_KEPT_DAYS,
  LOSS,
  passOver,
  REGISTER,
  REMOVAL,
  RUN_BYTES,
  SIGN_OF_LIFE,
  SWEEP,
  shardsFor,
  TRACE_BYTES,
  TRACE_KEPT_DAYS,
  type Units,
} from "./units.ts";
import type { Load } from "./workload.ts";

/**
 * Memory of the Lambdas in MB: of beat, and of all others, as in cdk/limits.ts. test/cdk/watching.test.ts compares
 * them.
 */
export const BEAT_MB = 128;
export const OTHER_MB = 256;
/** Lambda's gigabyte has 1,024 MB. */
const gbSeconds = (ms: number, mb: number): number => (ms / 1000) * (mb / 1024);

/**
 * Billed milliseconds. Assumed: five to ten requests to DynamoDB of 5 ms each, with the 15 % of a CPU that 256 MB get.
 */
const CALL_MS = 60;
/** One request to SQS. */
const TICKER_MS = 20;
/** The canary waits for a beat through the front door. */
const CANARY_MS = 100;
/** The first two requests of a sweep. */
const SWEEP_MS = 30;
/** Each further request of a sweep. */
const PAGE_MS = 5;
/** Reading a sighting: 6.4 us of CPU, measured on a page of 1,000 with the AWS SDK, at 15 % of a CPU. */
const SIGHTING_MS = 0.045;
/**
 * A verdict with its debts, or a removal: requests to DynamoDB of 5 ms each, as if nothing else ran at the same time.
 */
const VERDICT_MS = 50;
const REMOVAL_MS = 10;
/** Lost, and then queued again when the backoff is over. */
const VERDICTS_PER_LOSS = 2;

/** Bytes of a log line about a decision, on average: assumed. */
const DECISION_BYTES = 300;
/** The owner's call, registered, claimed, finished. */
const LINES_PER_RUN = 4;
/** Lost, queued again, claimed. */
const LINES_PER_LOSS = 3;
/** Bytes of the longest log line about a sweep without news, with its metrics (lambdas/log.ts). */
export const SWEPT_BYTES = 600;

/** Lambda polls a queue with receives that wait up to 20 s (Lambda developer guide, services-sqs-scaling). */
const RECEIVES_PER_POLLER = 3;
/** The same page: "as few as 2" if traffic is low and no maximum concurrency is set; 5 before that. */
export const FEWEST_POLLERS = 2;
export const USUAL_POLLERS = 5;
/** SQS accepts ten messages in a request: sqsTicks in lib/adapters/aws/queues.ts. */
const BATCH = 10;

/** The number of alarms in cdk/alarms.ts. test/cdk/watching.test.ts compares them. */
export const ALARMS = 9;
/**
 * Metrics that exist without any run: live runs, time between sweeps, age of the oldest debt, canary (lambdas/log.ts).
 */
export const IDLE_METRICS = 4;
/**
 * Metrics of ended attempts: one for each usual cause (succeeded, crashed, interrupted, lost), and one for how fast
 * losses are found. They count for the whole month, although AWS does not bill an hour without such an end.
 */
const CAUSE_METRICS = 5;

/** How long a Lambda uses the keys that it has read: KEYS_ARE_KEPT_MS in lib/adapters/aws/keys.ts. */
const KEYS_KEPT_HOURS = 0.25;
/** Lambdas that are warm without any run and need the keys: beat and canary. */
const IDLE_READERS = 2;

/** The ticker and the canary: a scheduled rule invokes each once a minute. */
const EACH_MINUTE = 2;

/** AWS's own month of 730 hours. */
export const MONTH_HOURS = 730;
const MONTH_MINUTES = MONTH_HOURS * 60;
const MONTH_SECONDS = MONTH_HOURS * 3600;
const GB = 1e9;

/** Requests to SQS in a minute: ticks are sent, received and deleted, and some receives of both queues find nothing. */
function sqsPerMinute(ticks: number, pollers: number): number {
  // This is the most: a receive that waits for a tick ends no later than one that finds nothing.
  const receives = pollers * RECEIVES_PER_POLLER + ticks;
  return Math.ceil(ticks / BATCH) + receives + ticks + pollers * RECEIVES_PER_POLLER;
}

/** How often each thing happens in a month. */
type Times = { readonly beats: number; readonly registered: number; readonly losses: number; readonly sweeps: number };

function timesOf({ runs, beatSeconds, runHours, lossesPerThousand, sweepSeconds }: Load): Times {
  const registered = (runs * MONTH_HOURS) / runHours;
  return {
    beats: (runs * MONTH_SECONDS) / beatSeconds,
    registered,
    losses: (registered * lossesPerThousand) / 1000,
    sweeps: MONTH_SECONDS / sweepSeconds,
  };
}

/** Everything that AWS bills for a month, in the units of lib/cost/prices.ts, without prices. */
export type Month = {
  /** Requests at the front door; `beats` of them are beats of runs. */
  readonly requests: number;
  readonly beats: number;
  readonly invocations: number;
  readonly gbSeconds: number;
  readonly writes: number;
  readonly reads: number;
  readonly storedGb: number;
  readonly sqs: number;
  readonly decisionGb: number;
  readonly secretCalls: number;
  readonly metrics: number;
  readonly metricsGb: number;
};

/** Billed milliseconds of one sweep that finds nothing due. */
export function sweepMs(runs: number): number {
  const { pages } = passOver(runs, shardsFor(runs));
  return SWEEP_MS + (pages - 1) * PAGE_MS + runs * SIGHTING_MS;
}

/** Each operation, with how often it happens. The canary beats once a minute. */
const operations = ({ beats, registered, losses, sweeps }: Times): readonly (readonly [Units, number])[] => [
  [BEAT, beats],
  [BEAT_OF_NOBODY, MONTH_MINUTES],
  [CANARY_WORD, MONTH_MINUTES],
  [REGISTER, registered],
  [CLAIM, registered + losses],
  [FINISH, registered],
  [LOSS, losses],
  [REMOVAL, registered],
  [SWEEP, sweeps],
  [SIGN_OF_LIFE, MONTH_MINUTES],
];

const monthsOf = (days: number): number => (days * 24) / MONTH_HOURS;

/** Gigabytes in the table when the oldest records expire: 13 months after the first run. */
const storedGb = (runs: number, { registered, losses }: Times): number =>
  (runs * RUN_BYTES +
    monthsOf(KEPT_DAYS) * registered * KEPT_PER_RUN_BYTES +
    monthsOf(TRACE_KEPT_DAYS) * losses * TRACE_BYTES +
    monthsOf(LINE_KEPT_DAYS) * (registered + losses) * LINE_BYTES) /
  GB;

/** What a month of this load uses, with this number of Lambda's pollers on each queue. */
export function monthOf(load: Load, pollers: number = FEWEST_POLLERS): Month {
  const { runs, beatMs, sweepSeconds } = load;
  const times = timesOf(load);
  const { beats, registered, losses, sweeps } = times;
  const sum = (unit: keyof Units): number =>
    operations(times).reduce((total, [units, count]) => total + units[unit] * count, 0);
  const requests = sum("requests");
  const calls = requests - beats - MONTH_MINUTES;
  const otherMs =
    calls * CALL_MS +
    sweeps * sweepMs(runs) +
    losses * VERDICTS_PER_LOSS * VERDICT_MS +
    registered * REMOVAL_MS +
    MONTH_MINUTES * (TICKER_MS + CANARY_MS);
  const busy = (beats * beatMs + calls * CALL_MS) / 1000 / MONTH_SECONDS;
  return {
    requests,
    beats,
    invocations: requests + sweeps + MONTH_MINUTES * EACH_MINUTE,
    gbSeconds: gbSeconds((beats + MONTH_MINUTES) * beatMs, BEAT_MB) + gbSeconds(otherMs, OTHER_MB),
    writes: sum("writes"),
    reads: sum("reads") + sweeps * passOver(runs, shardsFor(runs)).reads,
    storedGb: storedGb(runs, times),
    sqs: sum("sqs") + MONTH_MINUTES * sqsPerMinute(60 / sweepSeconds, pollers),
    decisionGb: ((registered * LINES_PER_RUN + losses * LINES_PER_LOSS) * DECISION_BYTES) / GB,
    secretCalls: ((IDLE_READERS + busy) * MONTH_HOURS) / KEYS_KEPT_HOURS,
    metrics: IDLE_METRICS + (runs > 0 ? CAUSE_METRICS : 0),
    // One line a minute of the sweep, one of the canary, and one for each sweep that found something to do.
    metricsGb:
      ((MONTH_MINUTES + Math.min(sweeps, MONTH_MINUTES + registered + losses * VERDICTS_PER_LOSS)) * SWEPT_BYTES) / GB,
  };
}

/** What beats use, and the sweeps over their runs. */
export type Running = Pick<Month, "requests" | "invocations" | "gbSeconds" | "writes" | "reads">;

/** The same for 1,000 runner-hours (1,000 runs, for an hour), without the plumbing that exists anyway. */
export function thousandRunnerHours({ beatSeconds, beatMs, sweepSeconds }: Load): Running {
  const runs = 1000;
  const beats = (runs * 3600) / beatSeconds;
  const sweeps = 3600 / sweepSeconds;
  const shards = shardsFor(runs);
  return {
    requests: beats,
    invocations: beats,
    gbSeconds: gbSeconds(beats * beatMs, BEAT_MB) + gbSeconds(sweeps * (sweepMs(runs) - sweepMs(0)), OTHER_MB),
    writes: beats * BEAT.writes,
    reads: beats * BEAT.reads + sweeps * (passOver(runs, shards).reads - passOver(0, shards).reads),
  };
}
