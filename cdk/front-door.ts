import type { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { ROUTES, type Route } from "../lib/wire/routes.ts";

/** Every call of the API. */
export const NAMED_ROUTES: readonly (readonly [name: string, route: Route])[] = Object.entries(ROUTES);

export const ALL_ROUTES: readonly Route[] = Object.values(ROUTES);

/**
 * The ARNs of owners' calls. `arnFor` makes an ARN from a method and a path; * stands for each parameter in the path.
 */
export const ownerArns = (arnFor: (method: string, path: string) => string): readonly string[] =>
  ALL_ROUTES.filter(({ caller }) => caller === "owner").map(({ method, path }) =>
    arnFor(method, path.replaceAll(/\{\w+\}/g, "*")),
  );

/** A front door. */
export type FrontDoor = {
  /** The value for LASTBEAT_URL. */
  readonly url: string;
  readonly apiId: string;
  /** The ARNs of owners' calls, for the policies of their callers. */
  readonly ownerRoutes: readonly string[];
  requests(): Metric;
  serverErrors(): Metric;
  /** `statistic`: its name in CloudWatch, such as p50 or p99. */
  latency(statistic: string): Metric;
};
