import { RemovalPolicy } from "aws-cdk-lib";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { keyOf } from "./kms.ts";
import type { Settings } from "./settings.ts";

/** Why there are none by default, for the rule packs. */
export const NO_ACCESS_LOGS =
  "accessLogs turns them on. Each decision, and each call of an owner with its caller, has a line.";

/** The log of a front door; undefined where the settings ask for none. */
export const accessLogOf = (scope: Construct, settings: Settings): LogGroup | undefined =>
  settings.accessLogs
    ? new LogGroup(scope, "AccessLogs", {
        retention: settings.logRetentionDays as RetentionDays,
        removalPolicy: RemovalPolicy.DESTROY,
        ...keyOf(scope, settings),
      })
    : undefined;

/**
 * What both kinds of front doors know of a request, and nothing that its sender writes: a path with a quote would end its text. No header
 * is in it, so no credential.
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

/** A line of JSON. `route`: the variable that names what was called. */
export const accessLogFormat = (route: string): string => JSON.stringify({ ...COMMON, route });
