import { RemovalPolicy } from "aws-cdk-lib";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { keyOf } from "./kms.ts";
import type { Settings } from "./settings.ts";

/** The reason for no access logs by default, for the rule packs. */
export const NO_ACCESS_LOGS =
  "accessLogs turns them on. Each decision, and each call of an owner with its caller, has a line.";

/** The log of a front door; undefined if the settings do not ask for it. */
export const accessLogOf = (scope: Construct, settings: Settings): LogGroup | undefined =>
  settings.accessLogs
    ? new LogGroup(scope, "AccessLogs", {
        retention: settings.logRetentionDays as RetentionDays,
        removalPolicy: RemovalPolicy.DESTROY,
        ...keyOf(scope, settings),
      })
    : undefined;

/**
 * What both kinds of front doors know about a request. Nothing in it is the sender's text: a path with a quote would
 * end its string. No header is in it, so no credential is.
 */
const COMMON = {
  requestId: "$context.requestId",
  at: "$context.requestTimeEpoch",
  from: "$context.identity.sourceIp",
  by: "$context.identity.userArn",
  status: "$context.status",
  failed: "$context.integrationErrorMessage",
  milliseconds: "$context.responseLatency",
} as const;

/** A line of JSON. `route`: the variable that names the called route. */
export const accessLogFormat = (route: string): string => JSON.stringify({ ...COMMON, route });
