import { Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import type { FrontDoor } from "./front-door.ts";
import type { Metrics } from "./metrics.ts";
import type { DispatchQueues, Queues } from "./queues.ts";
import type { Settings } from "./settings.ts";

type Watched = {
  /** The text for the person on call. docs/runbook.md has a heading for each name. */
  readonly says: string;
  readonly metric: IMetric;
  /** A figure at or above this is bad; with `below`, a figure below this. */
  readonly threshold: number;
  readonly below?: true;
  /** How many of the last minutes must be bad. */
  readonly of: readonly [bad: number, minutes: number];
  /** What a missing figure means: `bad` for a metric that must always have one. */
  readonly missing: "bad" | "good";
};

export type AlarmsProps = { readonly metrics: Metrics; readonly queues: Queues; readonly frontDoor: FrontDoor };

/** An alarm for each promise whose breach is visible from outside. Its name is the heading in docs/runbook.md. */
function watched({ metrics, queues, frontDoor }: AlarmsProps): Readonly<Record<string, Watched>> {
  const minute = { period: Duration.minutes(1) };
  const waiting = { ...minute, statistic: "Maximum" };
  return {
    "sweeps-stopped": {
      says: "No sweep has ended for minutes: lost runs are not found.",
      metric: metrics.liveRuns().with({ statistic: "SampleCount" }),
      threshold: 1,
      below: true,
      of: [3, 3],
      missing: "bad",
    },
    "debts-unsettled": {
      says: "A decision was made two minutes ago, and its message or its record is still missing.",
      metric: metrics.debtAge(),
      threshold: 120,
      of: [3, 3],
      missing: "good",
    },
    "front-door-unreachable": {
      says: "The canary's beats do not get through the front door: agents stop their commands when their leases run out.",
      metric: metrics.canaryFailed(),
      threshold: 1,
      of: [2, 3],
      missing: "bad", // the canary reports every minute
    },
    "front-door-failing": {
      says: "The front door answers many requests with errors (5xx).",
      metric: frontDoor.serverErrors(),
      threshold: 5,
      of: [3, 5],
      missing: "good",
    },
    "verdicts-frozen": {
      says: "The fleet fell silent at once, or the canary fails: no run is declared lost by the clock alone.",
      metric: metrics.frozen(),
      threshold: 1,
      of: [3, 3],
      missing: "good",
    },
    "valve-open": {
      says: "The fleet has been silent for 15 minutes: verdicts continue, and may hit runs that are only cut off.",
      metric: metrics.valveOpen(),
      threshold: 1,
      of: [1, 1],
      missing: "good",
    },
    "requeues-unread": {
      says: "A requeue message has waited for a quarter of an hour: nobody starts the next attempts.",
      metric: queues.requeue.metricApproximateAgeOfOldestMessage(waiting),
      threshold: 900,
      of: [1, 1],
      missing: "good",
    },
    "requeues-dead": {
      says: "A consumer has failed five times on a requeue message: a run waits for an attempt that nobody starts.",
      metric: queues.requeueDeadLetters.metricApproximateNumberOfMessagesVisible(waiting),
      threshold: 1,
      of: [1, 1],
      missing: "good",
    },
    ...(queues.watch !== undefined && ofClusters(metrics)),
    ...(queues.dispatch !== undefined && ofDispatches(metrics, queues.dispatch)),
    "notices-dead": {
      says: "A notice could not be handled: attempts on that host were not told to leave.",
      metric: queues.noticeDeadLetters.metricApproximateNumberOfMessagesVisible(waiting),
      threshold: 1,
      of: [1, 1],
      missing: "good",
    },
  };
}

/** The alarm of a deployment with clusters. */
const ofClusters = (metrics: Metrics): Readonly<Record<string, Watched>> => ({
  "cluster-silent": {
    says: "A cluster does not answer: ends of its pods are found when leases are over, and no attempt is started in it.",
    metric: metrics.clusterSilent(),
    threshold: 1,
    of: [3, 3],
    missing: "bad", // a look is made with each sweep
  },
});

/** The alarms of a deployment that starts attempts itself. */
const ofDispatches = (
  metrics: Metrics,
  { waiting, deadLetters }: DispatchQueues,
): Readonly<Record<string, Watched>> => ({
  "dispatches-delayed": {
    says: "A target does not answer, or has too much to do: its attempts wait, and then their time to start is over.",
    metric: metrics.dispatchDelayed(),
    threshold: 1,
    of: [5, 5], // five minutes without a break are no hiccup
    missing: "good",
  },
  "dispatches-unread": {
    says: "An attempt waits to be started, and nobody has looked at its message for a quarter of an hour.",
    metric: waiting.metricApproximateAgeOfOldestMessage({ period: Duration.minutes(1), statistic: "Maximum" }),
    threshold: 900, // the longest time for which a message may be put off
    of: [1, 1],
    missing: "good",
  },
  "dispatches-dead": {
    says: "A target could not start an attempt: its message says why.",
    metric: deadLetters.metricApproximateNumberOfMessagesVisible({
      period: Duration.minutes(1),
      statistic: "Maximum",
    }),
    threshold: 1,
    of: [1, 1],
    missing: "good",
  },
});

/** The topic of the settings, given as a construct or by its ARN. */
const topicOf = (scope: Construct, { alarmTopic, alarmTopicArn }: Settings): ITopic | undefined =>
  alarmTopicArn === undefined ? alarmTopic : Topic.fromTopicArn(scope, "Topic", alarmTopicArn);

/** The alarms, by the end of their names. */
export class Alarms extends Construct {
  readonly all: readonly Alarm[];

  constructor(scope: Construct, id: string, settings: Settings, props: AlarmsProps) {
    super(scope, id);
    const { name } = settings;
    const topic = topicOf(this, settings);
    this.all = Object.entries(watched(props)).map(
      ([
        id,
        {
          says,
          metric,
          threshold,
          below,
          of: [bad, minutes],
          missing,
        },
      ]) => {
        const alarm = new Alarm(this, id, {
          alarmName: `${name}-${id}`,
          alarmDescription: `${says} docs/runbook.md: ${id}`,
          metric,
          threshold,
          comparisonOperator:
            below === true
              ? ComparisonOperator.LESS_THAN_THRESHOLD
              : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
          datapointsToAlarm: bad,
          evaluationPeriods: minutes,
          treatMissingData: missing === "bad" ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
        });
        if (topic !== undefined) {
          alarm.addAlarmAction(new SnsAction(topic));
          alarm.addOkAction(new SnsAction(topic));
        }
        return alarm;
      },
    );
  }
}
