import { Duration } from "aws-cdk-lib";
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard as Board,
  GraphWidget,
  LogQueryWidget,
  MathExpression,
  SingleValueWidget,
} from "aws-cdk-lib/aws-cloudwatch";
import { Construct } from "constructs";
import type { FrontDoor } from "./front-door.ts";
import type { Lambda } from "./lambda.ts";
import type { Lambdas } from "./lambdas.ts";
import type { Metrics } from "./metrics.ts";
import type { Queues } from "./queues.ts";
import type { Settings } from "./settings.ts";

export type DashboardProps = {
  readonly metrics: Metrics;
  readonly queues: Queues;
  readonly frontDoor: FrontDoor;
  readonly lambdas: Lambdas;
  readonly alarms: readonly Alarm[];
};

const HALF = 12;
const THIRD = 8;
const FULL = 24;

/**
 * One page, the most important first: alarms, the fleet, causes, detection time, debts, queues, the front door, the
 * Lambdas.
 */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, { name }: Settings, props: DashboardProps) {
    super(scope, id);
    const { metrics, queues, frontDoor, lambdas, alarms } = props;
    const all = { ...lambdas.services, sweep: lambdas.sweep, notice: lambdas.notice, ticker: lambdas.ticker };
    new Board(this, "Board", {
      dashboardName: `${name}-lastbeat`,
      defaultInterval: Duration.hours(3),
      widgets: [
        [new AlarmStatusWidget({ title: "Alarms", alarms: [...alarms], width: FULL, height: 3 })],
        [
          new SingleValueWidget({ title: "Live runs", metrics: [metrics.liveRuns()], width: THIRD, sparkline: true }),
          new GraphWidget({
            title: "Why attempts end",
            left: [metrics.verdictsByCause()],
            stacked: true,
            width: THIRD,
          }),
          new GraphWidget({
            title: "Seconds from the last beat to the verdict",
            left: [metrics.detectionLatency("p50"), metrics.detectionLatency("p99")],
            width: THIRD,
          }),
        ],
        [
          new GraphWidget({
            title: "Silence: frozen verdicts, open valve, failed canary",
            left: [metrics.frozen(), metrics.valveOpen(), metrics.canaryFailed()],
            width: THIRD,
          }),
          new GraphWidget({
            title: "Seconds between sweeps; age of the oldest debt",
            left: [metrics.sweepAge(), metrics.debtAge()],
            width: THIRD,
          }),
          new GraphWidget({
            title: "Messages: waiting, and dead letters",
            left: [
              queues.requeue.metricApproximateNumberOfMessagesVisible({ label: "requeues" }),
              queues.notice.metricApproximateNumberOfMessagesVisible({ label: "notices" }),
            ],
            right: [
              queues.requeueDeadLetters.metricApproximateNumberOfMessagesVisible({ label: "dead requeues" }),
              queues.noticeDeadLetters.metricApproximateNumberOfMessagesVisible({ label: "dead notices" }),
            ],
            width: THIRD,
          }),
        ],
        [
          new GraphWidget({
            title: "Front door: requests, server errors",
            left: [frontDoor.requests()],
            right: [frontDoor.serverErrors()],
            width: HALF,
          }),
          new GraphWidget({
            title: "Front door: milliseconds",
            left: [frontDoor.latency("p50"), frontDoor.latency("p99")],
            width: HALF,
          }),
        ],
        [
          new GraphWidget({
            title: "Lambdas: errors and throttles",
            left: Object.entries(all).map(failures),
            width: HALF,
          }),
          new GraphWidget({
            title: "Lambdas: milliseconds, p99",
            left: Object.entries(all).map(([label, { function: of }]) =>
              of.metricDuration({ statistic: "p99", label }),
            ),
            width: HALF,
          }),
        ],
        [
          new LogQueryWidget({
            title: "The last ends of attempts",
            logGroupNames: [...Object.values(lambdas.services), lambdas.sweep, lambdas.notice].map(
              ({ function: of }) => of.logGroup.logGroupName,
            ),
            queryLines: [
              "filter ispresent(Verdicts)",
              "fields @timestamp, run, attempt, cause, state",
              "sort @timestamp desc",
              "limit 50",
            ],
            width: FULL,
          }),
        ],
      ],
    });
  }
}

const failures = ([label, { function: of }]: readonly [string, Lambda], index: number): MathExpression =>
  new MathExpression({
    expression: `e${index} + t${index}`,
    usingMetrics: { [`e${index}`]: of.metricErrors(), [`t${index}`]: of.metricThrottles() },
    label,
  });
