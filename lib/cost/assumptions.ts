import { RUN_ITEM_BYTES } from "./units.ts";
import { BEAT_MB, FEWEST_POLLERS, MONTH_HOURS, OTHER_MB } from "./usage.ts";

/** What a bill of AWS may contain in addition to this one. */
export const LEFT_OUT: readonly string[] = [
  "free tiers and savings plans",
  "NAT gateways and VPC endpoints",
  "data transfer",
  "your own consumers of the requeue queue",
  "CloudTrail",
  "forwarded events and drills",
  "warm throughput of the table",
  "X-Ray",
  "your own KMS keys",
  "storage of logs",
  "support",
  "taxes",
];

/** The assumptions behind the numbers, in addition to the units that tests have counted. */
export const ASSUMED: readonly string[] = [
  `a month of ${MONTH_HOURS} hours; the load is even, and every run succeeds in the end`,
  "each runner claims once, and is let in; notices, drains, crashes and lists are not counted",
  `run items of ${RUN_ITEM_BYTES} bytes; as many records as after 13 months, when the oldest expire`,
  `Lambdas on arm64 with ${BEAT_MB} MB (beat) and ${OTHER_MB} MB; their durations are assumed`,
  "not counted: cold starts, which AWS bills, and the extra memory of a sweep over more than 5,000 runs ($0.10 a month)",
  `${FEWEST_POLLERS} of Lambda's pollers on each queue, which make as many receives as they can`,
  "Lambda itself writes no log lines (system log level WARN)",
  "with function-url only beats use the function URL, and all other calls use an HTTP API",
];
