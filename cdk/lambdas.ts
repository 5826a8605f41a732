import { Validations } from "aws-cdk-lib";
import { EventSourceMapping } from "aws-cdk-lib/aws-lambda";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { CONTROL, ENVIRONMENT, PREFIX } from "../lib/names.ts";
import type { Service } from "../lib/wire/routes.ts";
import { allowClusters, clustersIn } from "./clusters.ts";
import type { Keys } from "./keys.ts";
import { Lambda } from "./lambda.ts";
import { MEMORY, NOTICE_BATCH, TIMEOUTS } from "./limits.ts";
import { allowOrchestrators, orchestratorNamesIn, orchestratorsIn } from "./orchestrators.ts";
import type { Queues } from "./queues.ts";
import { type Settings, shardsFor } from "./settings.ts";
import type { Table } from "./table.ts";
import type { Webhooks } from "./webhooks.ts";

/**
 * A sweep reads 1,000 items in 6 ms of a whole CPU, and a verdict takes 5 ms of one. If a hundredth of the fleet is
 * lost at once, it is judged within one or two periods.
 */
const sweepMemory = (expectedRuns: number): number =>
  expectedRuns <= 5000 ? MEMORY.other : expectedRuns <= 300_000 ? 1024 : 1769;

/** Partitions, by the first letter of their keys. */
const RUN_ITEMS = `${PREFIX.liveRuns}*`;
const HOSTS = `${PREFIX.host}*`;

const READ = ["dynamodb:GetItem", "dynamodb:Query"] as const;
const WRITE = ["dynamodb:PutItem", "dynamodb:UpdateItem"] as const;

export type LambdasProps = {
  readonly table: Table;
  readonly queues: Queues;
  readonly keys: Keys;
  readonly webhooks: Webhooks;
};

/** All Lambdas, each with its permissions. A permission that a Lambda does not use fails the test of the grants. */
export class Lambdas extends Construct {
  readonly services: Readonly<Record<Service, Lambda>>;
  readonly sweep: Lambda;
  readonly notice: Lambda;
  readonly ticker: Lambda;
  readonly canary: Lambda;
  readonly rotate: Lambda;
  /** Looks at clusters, if there are any. */
  readonly watch: Lambda | undefined;
  /** Starts attempts, if there are clusters, webhooks or orchestrators. */
  readonly dispatch: Lambda | undefined;

  constructor(scope: Construct, id: string, settings: Settings, props: LambdasProps) {
    super(scope, id);
    const { table, queues, keys, webhooks } = props;
    const tableArn = table.table.tableArn;
    const key = { [ENVIRONMENT.table]: table.table.tableName, [ENVIRONMENT.keysSecret]: keys.arn };
    const plumbing = {
      ...key,
      [ENVIRONMENT.shards]: String(shardsFor(settings)),
      [ENVIRONMENT.logLevel]: settings.logLevel,
      ...(settings.observability !== "none" && { [ENVIRONMENT.name]: settings.name }),
    };
    const app = {
      ...plumbing,
      [ENVIRONMENT.requeueQueue]: queues.requeue.queueUrl,
      [ENVIRONMENT.noticeQueue]: queues.notice.queueUrl,
      [ENVIRONMENT.retentionDays]: String(settings.retentionDays),
      ...(queues.dispatch !== undefined && { [ENVIRONMENT.dispatchQueue]: queues.dispatch.waiting.queueUrl }),
    };
    const pace = { [ENVIRONMENT.sweepSeconds]: String(settings.sweepSeconds) };
    const lambda = (
      name: keyof typeof TIMEOUTS,
      description: string,
      environment: Readonly<Record<string, string>>,
      memorySize: number = MEMORY.other,
    ): Lambda =>
      new Lambda(this, name, settings, { description, timeoutSeconds: TIMEOUTS[name], memorySize, environment });

    const beat = lambda("beat", "renews the lease of an attempt", key, MEMORY.beat);
    beat.allow(["dynamodb:UpdateItem", "dynamodb:GetItem"], tableArn, RUN_ITEMS);
    const runner = lambda("runner", "claims, finishes and notices of runners", app);
    this.sweep = lambda(
      "sweep",
      "finds overdue runs and unsettled debts",
      { ...app, ...pace, [ENVIRONMENT.machines]: "ec2" },
      sweepMemory(settings.expectedRuns),
    );
    const anyOwner = settings.anonymousOwners ? { [ENVIRONMENT.anonymousOwners]: "true" } : {};
    const owner = lambda("owner", "calls of owners", {
      ...app,
      ...anyOwner,
      [ENVIRONMENT.leaseSeconds]: String(settings.leaseSeconds),
      ...(queues.watch !== undefined && clustersIn(settings)),
      ...webhooks.names,
      ...orchestratorNamesIn(settings),
    });
    const trust = settings.trustRunners ? { [ENVIRONMENT.trustRunners]: "true" } : {};
    this.notice = lambda("notice", "handles notices about hosts", { ...app, ...trust }, MEMORY.notice);
    runner.allow(["dynamodb:GetItem", ...WRITE], tableArn);
    for (const one of [owner, this.sweep, this.notice]) one.allow([...READ, ...WRITE], tableArn);
    this.sweep.allow(["dynamodb:DeleteItem"], tableArn, RUN_ITEMS, HOSTS);
    // The Lambda that settles the end of an attempt deletes the attempt from its host.
    for (const one of [runner, owner, this.notice]) one.allow(["dynamodb:DeleteItem"], tableArn, HOSTS);
    for (const one of [runner, owner, this.sweep, this.notice]) one.allow(["sqs:SendMessage"], queues.requeue.queueArn);
    for (const one of [runner, owner, this.sweep, this.notice]) one.allow(["sqs:SendMessage"], queues.notice.queueArn);
    this.sweep.allowToSeeMachines();
    this.ticker = lambda("ticker", "queues the sweeps of the next minute", {
      ...pace,
      [ENVIRONMENT.tickQueue]: queues.tick.queueUrl,
      ...(queues.watch !== undefined && { [ENVIRONMENT.watchQueue]: queues.watch.queueUrl }),
    });
    this.ticker.allow(["sqs:SendMessage"], queues.tick.queueArn);
    this.canary = lambda("canary", "beats through the public front door", plumbing);
    this.canary.allow(["dynamodb:UpdateItem"], tableArn, CONTROL.partition);
    for (const one of [beat, runner, owner, this.sweep, this.notice, this.canary])
      one.allow(["secretsmanager:GetSecretValue"], keys.arn);
    this.rotate = lambda("rotate", "rotates the signing keys", {});
    keys.rotateBy(this.rotate, settings.keyRotationDays);
    this.services = { beat, runner, owner };
    const { watch, dispatch } = queues;
    if (watch !== undefined) {
      this.watch = lambda("watch", "looks at the pods of clusters", { ...app, ...clustersIn(settings) });
      this.watch.allow([...READ, ...WRITE], tableArn);
      this.watch.allow(["dynamodb:DeleteItem"], tableArn, HOSTS);
      this.watch.allow(["sqs:SendMessage"], queues.requeue.queueArn);
      this.ticker.allow(["sqs:SendMessage"], watch.queueArn);
      this.receive(this.watch, watch, { batchSize: 10, reportBatchItemFailures: false });
    }
    if (dispatch !== undefined) {
      this.dispatch = lambda("dispatch", "asks targets to start attempts", {
        ...app,
        ...clustersIn(settings),
        ...webhooks.environment,
        ...orchestratorsIn(settings),
        [ENVIRONMENT.dispatchDeadLetters]: dispatch.deadLetters.queueUrl,
      });
      this.dispatch.allow([...READ, ...WRITE], tableArn);
      this.dispatch.allow(["sqs:SendMessage"], dispatch.deadLetters.queueArn);
      webhooks.allow(this.dispatch);
      allowOrchestrators(this.dispatch, settings);
      // An orchestrator may say that the attempt before has succeeded, and that leaves its host.
      if (settings.orchestrators.length > 0) this.dispatch.allow(["dynamodb:DeleteItem"], tableArn, HOSTS);
      for (const one of [runner, owner, this.sweep, this.notice, ...this.ofTargets])
        one.allow(["sqs:SendMessage"], dispatch.waiting.queueArn);
      this.receive(this.dispatch, dispatch.waiting, { batchSize: 5, reportBatchItemFailures: true });
    }
    // Both may end an attempt, and so sign the ticket of the next one. What a webhook answers ends none.
    if (settings.clusters.length + settings.orchestrators.length > 0)
      for (const one of this.ofTargets) one.allow(["secretsmanager:GetSecretValue"], keys.arn);
    for (const one of this.ofTargets) allowClusters(one, settings);
    if (settings.kmsKeyArn !== undefined) this.share(settings.kmsKeyArn);
    // A sweep takes all waiting ticks, so a late tick does not delay the next ones.
    this.receive(this.sweep, queues.tick, { batchSize: 10, reportBatchItemFailures: false });
    this.receive(this.notice, queues.notice, { batchSize: NOTICE_BATCH, reportBatchItemFailures: true });
  }

  /** The Lambdas that only a deployment with targets has. */
  private get ofTargets(): readonly Lambda[] {
    return [this.watch, this.dispatch].filter((lambda) => lambda !== undefined);
  }

  /** Allows each Lambda that reads or writes encrypted data to use the key. */
  private share(kmsKeyArn: string): void {
    for (const one of [...Object.values(this.services), this.sweep, this.notice, ...this.ofTargets])
      one.allowKey(kmsKeyArn, "dynamodb", "secretsmanager", "sqs");
    this.canary.allowKey(kmsKeyArn, "dynamodb", "secretsmanager");
    this.ticker.allowKey(kmsKeyArn, "sqs");
    this.rotate.allowKey(kmsKeyArn, "secretsmanager");
  }

  /**
   * Messages invoke the Lambda. There is no maximum concurrency, because it would keep five pollers on an idle queue.
   */
  private receive(
    lambda: Lambda,
    queue: Queue,
    how: { readonly batchSize: number; readonly reportBatchItemFailures: boolean },
  ): void {
    lambda.allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue.queueArn);
    const mapping = new EventSourceMapping(lambda, "Messages", {
      target: lambda.function,
      eventSourceArn: queue.queueArn,
      ...how,
    });
    mapping.node.addDependency(lambda);
    Validations.of(mapping).acknowledge({
      id: "Serverless::Serverless-LambdaEventSourceMappingDestination",
      reason:
        "Destinations are for streams. A message that fails stays in the queue, and goes to the dead letters after five times.",
    });
  }
}
