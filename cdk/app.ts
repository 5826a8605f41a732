import { App, Tags, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";
import { contextOf } from "./context.ts";
import { LastbeatForwarder } from "./forwarder.ts";
import { LastbeatStack } from "./stack.ts";

/**
 * `npx cdk deploy`: settings by context, as `-c lastbeat:expectedRuns=5000`, or under "context" in cdk.json.
 * `-c lastbeat:stackName=NAME` for another name than Lastbeat; `-c lastbeat:forwardTo=BUS_ARN` for a forwarder instead.
 */
const app = new App();
const { stackName = "Lastbeat", forwardTo, tags, props } = contextOf(app.node);
if (forwardTo === undefined) new LastbeatStack(app, stackName, props);
else {
  const { alarmTopicArn } = props;
  new LastbeatForwarder(app, `${stackName}Forwarder`, {
    busArn: forwardTo,
    ...(alarmTopicArn !== undefined && { alarmTopicArn }),
  });
}
for (const [key, value] of Object.entries(tags)) Tags.of(app).add(key, value);
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
