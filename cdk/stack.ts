import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { OUTPUTS } from "../lib/names.ts";
import { Lastbeat } from "./lastbeat.ts";
import type { LastbeatProps } from "./settings.ts";
import { VERSION } from "./version.ts";

/** Lastbeat in a stack of its own, with outputs that the command line reads: `lastbeat --stack NAME`. */
export class LastbeatStack extends Stack {
  readonly lastbeat: Lastbeat;

  constructor(scope: Construct, id: string, props: LastbeatProps & StackProps = {}) {
    super(scope, id, { description: "Lastbeat: heartbeats for workflow runners", ...props });
    this.lastbeat = new Lastbeat(this, "Lastbeat", props);
    const { url, tableName, keysArn, rulePrefix, ...queues } = this.lastbeat;
    this.tell(OUTPUTS.url, url);
    this.tell(OUTPUTS.table, tableName);
    this.tell(OUTPUTS.requeueQueue, queues.requeueQueue.queueUrl);
    this.tell(OUTPUTS.requeueDeadLetters, queues.requeueDeadLetters.queueUrl);
    this.tell(OUTPUTS.noticeQueue, queues.noticeQueue.queueUrl);
    this.tell(OUTPUTS.noticeDeadLetters, queues.noticeDeadLetters.queueUrl);
    this.tell(OUTPUTS.dispatchQueue, queues.dispatchQueue?.queueUrl);
    this.tell(OUTPUTS.dispatchDeadLetters, queues.dispatchDeadLetters?.queueUrl);
    this.tell(OUTPUTS.keys, keysArn);
    const secrets = [...this.lastbeat.webhookSecretArns].map(([name, arn]) => `${name}=${arn}`);
    this.tell(OUTPUTS.webhookSecrets, secrets.length === 0 ? undefined : secrets.join(" "));
    this.tell(OUTPUTS.rulePrefix, rulePrefix);
    this.tell(OUTPUTS.version, VERSION);
    this.tell(OUTPUTS.forwarderBus, this.lastbeat.forwarderBusArn);
    this.tell(OUTPUTS.ownerRole, this.lastbeat.ownerRoleArn);
    this.tell(OUTPUTS.httpApi, this.lastbeat.apiId("http-api"));
    this.tell(OUTPUTS.domainTarget, this.lastbeat.domainTarget);
    this.tell(OUTPUTS.restApi, this.lastbeat.apiId("rest-api"));
  }

  private tell(name: string, value: string | undefined): void {
    if (value !== undefined) new CfnOutput(this, name, { value });
  }
}
