import type { Evidence, Notice } from "../../../lib/core/evidence.ts";
import { parseEvent } from "../../../lib/evidence/aws/parse.ts";
import type { Parsed } from "../../../lib/evidence/aws/parsed.ts";
import { at } from "../../core/runs.ts";

export type Json = { readonly [name: string]: unknown };

export const INSTANCE = "i-0b662ef9931388ba0";
export const OTHER = "i-0633ac2b0d9769723";

/** All events of these tests happen at 12:00:00 and are received a second later. */
export const HAPPENED = at("12:00:00");
export const RECEIVED = at("12:00:01");
const TIME = "2026-11-22T12:00:00Z";
export const ID = "5d5555d5-dd55-5555-5555-5555dd55d55d";

export const ZONE_ARN = `arn:aws:ec2:us-east-1b:instance/${INSTANCE}`;
export const ACCOUNT_ARN = `arn:aws:ec2:us-east-1:123456789012:instance/${INSTANCE}`;
const GROUP_ARN =
  "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:26e7234b-03a4-47fb-b0a9-2b241662774e:autoScalingGroupName/g";

const bus = (source: string, type: string, detail: unknown, rest: Json = {}): Json => ({
  version: "0",
  id: ID,
  "detail-type": type,
  source,
  account: "123456789012",
  time: TIME,
  region: "us-east-1",
  resources: [],
  detail,
  ...rest,
});

export const spotWarning = (
  detail: unknown = { "instance-id": INSTANCE, "instance-action": "terminate" },
  rest?: Json,
) => bus("aws.ec2", "EC2 Spot Instance Interruption Warning", detail, { resources: [ZONE_ARN], ...rest });

export const rebalanceRecommendation = (rest?: Json) =>
  bus(
    "aws.ec2",
    "EC2 Instance Rebalance Recommendation",
    { "instance-id": INSTANCE },
    { resources: [ZONE_ARN], ...rest },
  );

export const stateChange = (state: unknown, rest?: Json) =>
  bus("aws.ec2", "EC2 Instance State-change Notification", { "instance-id": INSTANCE, state }, rest);

export const reservationWarning = (detail: Json = {}, rest?: Json) =>
  bus(
    "aws.ec2",
    "EC2 Capacity Reservation Instance Interruption Warning",
    { "instance-id": INSTANCE, "instance-action": "terminate", ...detail },
    rest,
  );

export const maintenance = (detail: Json = {}, rest?: Json) =>
  bus(
    "aws.health",
    "AWS Health Event",
    {
      eventArn: "arn:aws:health:us-east-1::event/EC2/AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED/1",
      service: "EC2",
      eventTypeCode: "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED",
      eventTypeCategory: "scheduledChange",
      eventScopeCode: "ACCOUNT_SPECIFIC",
      startTime: "Sat, 05 Dec 2026 15:10:09 GMT",
      eventDescription: [{ language: "en_US", latestDescription: "The instance retires." }],
      affectedEntities: [{ entityValue: INSTANCE, tags: { stage: "prod" } }],
      page: "1",
      totalPages: "1",
      ...detail,
    },
    rest,
  );

export const lifecycle: Json = {
  LifecycleActionToken: "0befcbdb-6ecd-498a-9ff7-ae9b54447cd6",
  AutoScalingGroupName: "g",
  LifecycleHookName: "drain",
  EC2InstanceId: INSTANCE,
  LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
};

export const terminateAction = (detail: Json = {}, rest?: Json) =>
  bus(
    "aws.autoscaling",
    "EC2 Instance-terminate Lifecycle Action",
    { ...lifecycle, ...detail },
    {
      resources: [GROUP_ARN],
      ...rest,
    },
  );

export const launchAction = () =>
  bus("aws.autoscaling", "EC2 Instance-launch Lifecycle Action", {
    ...lifecycle,
    LifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING",
    Origin: "WarmPool",
    Destination: "AutoScalingGroup",
  });

/** As a hook sends it to a queue itself. */
export const fromHook = (fields: Json = {}): Json => ({
  ...lifecycle,
  AccountId: "123456789012",
  RequestId: "5d858daa-5692-135e-98ca-ef04118c2ab5",
  Service: "AWS Auto Scaling",
  Time: TIME,
  ...fields,
});

export const testNotification: Json = {
  AccountId: "123456789012",
  RequestId: "b36d6757-57c7-11e8-a9ca-b3409db76d91",
  AutoScalingGroupARN: GROUP_ARN,
  AutoScalingGroupName: "g",
  Service: "AWS Auto Scaling",
  Event: "autoscaling:TEST_NOTIFICATION",
  Time: TIME,
};

/** As a topic wraps it on its way to a queue. */
export const fromTopic = (event: unknown): Json => ({
  Type: "Notification",
  MessageId: "2a1b5c39-5f0e-5d0a-9f0f-0c1f0d6f3f3f",
  TopicArn: "arn:aws:sns:us-east-1:123456789012:t",
  Message: JSON.stringify(event),
  Timestamp: TIME,
});

export const groupActivity = (what: string, cause: unknown, detail: Json = {}) =>
  bus(
    "aws.autoscaling",
    `EC2 Instance ${what}`,
    {
      StatusCode: "InProgress",
      AutoScalingGroupName: "g",
      ActivityId: "87654321-4321-4321-4321-210987654321",
      Details: { "Availability Zone": "us-east-1b" },
      EC2InstanceId: INSTANCE,
      Cause: cause,
      ...detail,
    },
    { resources: [GROUP_ARN, ACCOUNT_ARN] },
  );

/** The record of CloudTrail: times and ids are the record's own, later than the envelope's by what CloudTrail takes. */
export const eviction = (instanceIdSet: unknown, fields: Json = {}): Json => ({
  eventVersion: "1.11",
  userIdentity: { accountId: "123456789012", invokedBy: "ec2.amazonaws.com" },
  eventTime: "2026-11-22T11:55:00Z",
  eventSource: "ec2.amazonaws.com",
  eventName: "BidEvictedEvent",
  awsRegion: "us-east-1",
  requestParameters: null,
  responseElements: null,
  eventID: "4ca413e4-0bfc-4cba-b65c-75617bbf08d5",
  eventType: "AwsServiceEvent",
  serviceEventDetails: { instanceIdSet },
  ...fields,
});

export const fromTrail = (record: Json) => bus("aws.ec2", "AWS Service Event via CloudTrail", record);

export const hostDrain = (detail: unknown, rest?: Json) => bus("lastbeat", "Lastbeat Host Drain", detail, rest);

export const drill = (event: Json): Json => ({ ...event, source: "lastbeat.drill" });

/** One of each, all of which say something about hosts. */
export const SAYING: readonly Json[] = [
  spotWarning(),
  rebalanceRecommendation(),
  stateChange("stopping"),
  stateChange("terminated"),
  reservationWarning(),
  maintenance(),
  maintenance({ endTime: "Sat, 05 Dec 2026 17:10:09 GMT", statusCode: "closed" }),
  terminateAction(),
  fromHook(),
  fromTopic(fromHook()),
  fromTopic(spotWarning()),
  groupActivity("Terminate Successful", "a user request"),
  groupActivity("Terminate Successful", "a user request", { StartTime: "2026-11-22T11:57:30Z", EndTime: TIME }),
  eviction([INSTANCE, OTHER]),
  fromTrail(eviction({ items: [{ instanceId: INSTANCE }, { instanceId: OTHER }] })),
  hostDrain({ host: "ip-10-0-0-1.ec2.internal", deadline: "2026-11-22T12:10:00Z", reason: "upgrade" }),
  drill(spotWarning()),
];

/** Those of them that come by a bus: the drain is put into the queue by the call of an owner; hooks, topics and trails bring none. */
export const ON_BUS = SAYING.filter((event) => "detail-type" in event && event["source"] !== hostDrain({})["source"]);

/** What AWS says, too, and nobody of ours has to hear. */
export const SAYING_NOTHING: readonly (readonly [what: string, event: Json])[] = [
  ["an instance that is pending", stateChange("pending")],
  ["an instance that is running", stateChange("running")],
  ["a service event of another kind", fromTrail({ ...eviction([]), eventName: "SpotFleetRequested" })],
  ["a health event of another service", maintenance({ service: "RDS" })],
  ["an issue", maintenance({ eventTypeCategory: "issue" })],
  ["a notification of the account", maintenance({ eventTypeCategory: "accountNotification" })],
  ["a launch that waits", launchAction()],
  ["a launch", groupActivity("Launch Successful", "a user request")],
  ["a launch that failed", groupActivity("Launch Unsuccessful", "a user request")],
  ["an end that failed", groupActivity("Terminate Unsuccessful", "a user request")],
];

export const parsed = (event: unknown): Parsed => parseEvent(event, RECEIVED);

/** The notices of an event that has some. */
export function noticesOf(event: unknown): readonly Notice[] {
  const said = parsed(event);
  if (said.kind !== "notices") throw new Error(`${said.kind}: ${said.why}`);
  return said.notices;
}

/** The only notice of an event. */
export function noticeOf(event: unknown): Notice {
  const [notice, ...others] = noticesOf(event);
  if (notice === undefined || others.length > 0) throw new Error(`${others.length + 1} notices`);
  return notice;
}

export const evidenceOf = (event: unknown): Evidence => noticeOf(event).evidence;
