import { Duration, Validations } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Construct } from "constructs";
import type { Lambda } from "./lambda.ts";
import type { Lambdas } from "./lambdas.ts";

/** What happens every minute: the ticks of the next one are queued, and the canary beats. Scheduled rules are free. */
export class Schedules extends Construct {
  constructor(scope: Construct, id: string, { ticker, canary }: Lambdas) {
    super(scope, id);
    this.everyMinute("Tick", ticker);
    this.everyMinute("Canary", canary);
  }

  private everyMinute(id: string, { function: target }: Lambda): void {
    const rule = new Rule(this, id, {
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [
        new LambdaFunction(target, {
          // The next minute does the same; what is older than that would only come on top.
          retryAttempts: 1,
          maxEventAge: Duration.minutes(1),
        }),
      ],
    });
    Validations.of(rule).acknowledge({
      id: "Serverless::Serverless-EventBusDLQ",
      reason: "The next minute does the same; a minute that was missed is told by the alarm on sweeps.",
    });
  }
}
