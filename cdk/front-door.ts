import type { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { ROUTES, type Route } from "../lib/wire/routes.ts";

/** Every call, by its name. */
export const NAMED_ROUTES: readonly (readonly [name: string, route: Route])[] = Object.entries(ROUTES);

export const ALL_ROUTES: readonly Route[] = Object.values(ROUTES);

/** The ARNs of owners' calls; `arnFor` makes one of a method and a path, in which a parameter is any text. */
export const ownerArns = (arnFor: (method: string, path: string) => string): readonly string[] =>
  ALL_ROUTES.filter(({ caller }) => caller === "owner").map(({ method, path }) =>
    arnFor(method, path.replaceAll(/\{\w+\}/g, "*")),
  );

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
