import { Duration, Validations } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Construct } from "constructs";
import type { Lambda } from "./lambda.ts";
import type { Lambdas } from "./lambdas.ts";

/** Every minute the ticks of the next minute are queued, and the canary beats. Scheduled rules are free. */
export class Schedules extends Construct {
  constructor(scope: Construct, id: string, { ticker, canary }: Lambdas) {
    super(scope, id);
    this.everyMinute("Tick", ticker);
    this.everyMinute("Canary", canary);
  }

  private everyMinute(id: string, { function: target }: Lambda): void {
    // Without this, a failed or throttled invocation would be repeated for hours, beside those of later minutes.
    target.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    Validations.of(target).acknowledge({
      id: "Serverless::Serverless-LambdaAsyncFailureDestination",
      reason: "The next minute does the same; a failure has a line in the log.",
    });
    const rule = new Rule(this, id, {
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [
        new LambdaFunction(target, {
          // The same for events that EventBridge could not deliver to Lambda.
          retryAttempts: 1,
          maxEventAge: Duration.minutes(1),
        }),
      ],
    });
    Validations.of(rule).acknowledge({
      id: "Serverless::Serverless-EventBusDLQ",
      reason: "The next minute does the same; the alarm on sweeps reports missed minutes.",
    });
  }
}
