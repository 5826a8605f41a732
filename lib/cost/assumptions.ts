import { RUN_ITEM_BYTES } from "./units.ts";
import { BEAT_MB, FEWEST_POLLERS, MONTH_HOURS, OTHER_MB } from "./usage.ts";

/** What a bill of AWS may have beside this one. */
export const LEFT_OUT: readonly string[] = [
  "free tiers and savings plans",
  "NAT gateways and VPC endpoints",
  "data transfer",
  "your own consumers of the requeue queue",
  "CloudTrail",
  "events that are forwarded or played",
  "warm throughput of the table",
  "X-Ray",
  "KMS customer keys",
  "storage of logs",
  "support",
  "taxes",
];

/** What the numbers rest on beside the units that tests have counted. */
export const ASSUMED: readonly string[] = [
  `a month of ${MONTH_HOURS} hours; the load is even, and every run succeeds in the end`,
  "a runner claims once and gets in; notices, drains, crashes and listings are not counted",
  `run items of ${RUN_ITEM_BYTES} bytes; records as after 13 months, when the oldest expire`,
  `Lambdas on arm64 with ${BEAT_MB} MB (beat) and ${OTHER_MB} MB; their times are assumed`,
  "not counted: cold starts, which are billed; what more memory costs a sweep over more than 5,000 runs ($0.10 a month)",
  `${FEWEST_POLLERS} of Lambda's pollers on each queue, and as many receives as they can make`,
  "Lambda writes no lines of its own (system log level WARN)",
  "with function-url beats alone come in by it, and all else by an HTTP API",
];
