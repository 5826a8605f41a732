import { Annotations, Stack } from "aws-cdk-lib";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import { FunctionUrlAuthType } from "aws-cdk-lib/aws-lambda";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { ENVIRONMENT } from "../lib/names.ts";
import { ROUTES } from "../lib/wire/routes.ts";
import { Alarms } from "./alarms.ts";
import { ForwarderBus } from "./bus.ts";
import { enterClusters } from "./clusters.ts";
import { Dashboard } from "./dashboard.ts";
import type { FrontDoor } from "./front-door.ts";
import { HttpFrontDoor } from "./http-api.ts";
import { Keys } from "./keys.ts";
import { Lambdas } from "./lambdas.ts";
import { Metrics } from "./metrics.ts";
import { ownerRoleOf } from "./owners.ts";
import { Queues } from "./queues.ts";
import { RestFrontDoor } from "./rest-api.ts";
import { NoticeRules, toQueue } from "./rules.ts";
import { Schedules } from "./schedules.ts";
import { type FrontDoorKind, hasBus, type LastbeatProps, type Settings, settingsOf } from "./settings.ts";
import { Table } from "./table.ts";
import { accountIn, wantedRate } from "./throttles.ts";
import { Webhooks } from "./webhooks.ts";

/**
 * All of Lastbeat, for an app of your own: `new Lastbeat(this, "Lastbeat")`. For a stack of its own, see LastbeatStack.
 */
export class Lastbeat extends Construct {
  /** The value for LASTBEAT_URL: the address of the first front door. */
  readonly url: string;
  /** The queue that announces the next attempts; docs/protocol.md describes the messages. */
  readonly requeueQueue: Queue;
  readonly requeueDeadLetters: Queue;
  readonly noticeQueue: Queue;
  readonly noticeDeadLetters: Queue;
  /** Attempts that a target is asked to start; undefined without targets. */
  readonly dispatchQueue: Queue | undefined;
  readonly dispatchDeadLetters: Queue | undefined;
  readonly tableName: string;
  /** The ARN of the secret with the signing keys. */
  readonly keysArn: string;
  /** The ARNs of the secrets that sign events, by the names of the webhooks. */
  readonly webhookSecretArns: ReadonlyMap<string, string>;
  /** The beginning of the names of the rules for notices. */
  readonly rulePrefix: string;
  /** The ARN of the bus for forwarders; undefined if the settings name no forwarders. */
  readonly forwarderBusArn: string | undefined;
  /** The ARN of the role for owners in other accounts; undefined if the settings name none. */
  readonly ownerRoleArn: string | undefined;
  readonly metrics: Metrics;
  private readonly frontDoors: ReadonlyMap<FrontDoorKind, FrontDoor>;
  private readonly alarms: Alarms | undefined;

  constructor(scope: Construct, id: string, props: LastbeatProps = {}) {
    super(scope, id);
    const settings = settingsOf(props, Stack.of(this).stackName);
    const table = new Table(this, "Table", settings);
    const queues = new Queues(this, "Queues", settings);
    const keys = new Keys(this, "Keys", settings);
    const webhooks = new Webhooks(this, "Webhooks", settings);
    const lambdas = new Lambdas(this, "Lambdas", settings, { table, queues, keys, webhooks });
    const frontDoors = this.open(settings, lambdas);
    const first = frontDoors.values().next().value;
    if (first === undefined) throw new Error("frontDoors names no front door");
    this.frontDoors = frontDoors;
    this.url = settings.publicUrl ?? first.url;
    lambdas.canary.function.addEnvironment(ENVIRONMENT.frontDoor, this.url);
    const { watch, dispatch } = lambdas;
    dispatch?.function.addEnvironment(ENVIRONMENT.frontDoor, this.url);
    enterClusters(this, settings, { ...(watch && { watch }), ...(dispatch && { dispatch }) });
    if (settings.beatUrl) this.openBeatUrl(lambdas);
    this.rulePrefix = `${settings.name}-notice-`;
    new NoticeRules(this, "Rules", this.rulePrefix, toQueue(queues));
    new Schedules(this, "Schedules", lambdas);
    this.forwarderBusArn = hasBus(settings) ? new ForwarderBus(this, "Forwarders", settings, queues).arn : undefined;
    const ownerRole = ownerRoleOf(this, settings, this.ownerCalls);
    if (ownerRole !== undefined) this.grantOwner(ownerRole);
    this.ownerRoleArn = ownerRole?.roleArn;
    this.requeueQueue = queues.requeue;
    this.requeueDeadLetters = queues.requeueDeadLetters;
    this.noticeQueue = queues.notice;
    this.noticeDeadLetters = queues.noticeDeadLetters;
    this.dispatchQueue = queues.dispatch?.waiting;
    this.dispatchDeadLetters = queues.dispatch?.deadLetters;
    this.tableName = table.table.tableName;
    this.keysArn = keys.arn;
    this.webhookSecretArns = webhooks.secretArns;
    this.metrics = new Metrics(settings.name);
    const watching = { metrics: this.metrics, queues, frontDoor: first };
    this.alarms = settings.observability === "none" ? undefined : new Alarms(this, "Alarms", settings, watching);
    if (settings.observability === "full")
      new Dashboard(this, "Dashboard", settings, { ...watching, lambdas, alarms: this.alarms?.all ?? [] });
  }

  /** The id of a front door in API Gateway; undefined if there is none of that kind. */
  apiId(kind: FrontDoorKind): string | undefined {
    return this.frontDoors.get(kind)?.apiId;
  }

  /** The target for the DNS record of `domain`; undefined without a domain. */
  get domainTarget(): string | undefined {
    const door = this.frontDoors.get("http-api");
    return door instanceof HttpFrontDoor ? door.domainTarget : undefined;
  }

  /** Allows the grantee to make owners' calls at every front door: register, show, list, cancel, requeue, drain. */
  grantOwner(grantee: IGrantable): Grant {
    return Grant.addToPrincipal({
      grantee,
      actions: ["execute-api:Invoke"],
      resourceArns: [...this.ownerCalls],
    });
  }

  /** The ARNs of owners' calls, at every front door. */
  private get ownerCalls(): readonly string[] {
    return [...this.frontDoors.values()].flatMap(({ ownerRoutes }) => ownerRoutes);
  }

  /** Allows the grantee to read the requeue queue, and so to start the next attempts. */
  grantConsumeRequeues(grantee: IGrantable): Grant {
    return this.requeueQueue.grantConsumeMessages(grantee);
  }

  private open(settings: Settings, { services }: Lambdas): ReadonlyMap<FrontDoorKind, FrontDoor> {
    const rate = wantedRate(ROUTES.beat, settings);
    const account = accountIn(Stack.of(this).region);
    if (rate > account.rate)
      Annotations.of(this).addWarningV2(
        "lastbeat:accountRate",
        `${rate} beats a second may come after an outage, but the account's APIs accept only ${account.rate}: ask Service Quotas for more`,
      );
    return new Map(
      settings.frontDoors.map((kind) => [
        kind,
        kind === "http-api"
          ? new HttpFrontDoor(this, "HttpApi", settings, services)
          : new RestFrontDoor(this, "RestApi", settings, services),
      ]),
    );
  }

  /** Anybody may call the function URL of beats, as they may call the front door: the Lambda checks the token. */
  private openBeatUrl({ services: { beat, runner } }: Lambdas): void {
    const { url } = beat.function.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
    runner.function.addEnvironment(ENVIRONMENT.beatUrl, url);
  }
}
