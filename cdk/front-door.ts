import type { Metric } from "aws-cdk-lib/aws-cloudwatch";

/** A way in. */
export type FrontDoor = {
  /** What LASTBEAT_URL takes. */
  readonly url: string;
  readonly apiId: string;
  /** ARNs of owners' calls, for the policies of those who may make them. */
  readonly ownerRoutes: readonly string[];
  requests(): Metric;
  serverErrors(): Metric;
  /** `statistic` as CloudWatch names it: p50, p99. */
  latency(statistic: string): Metric;
};
