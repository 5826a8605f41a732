import type { Instant } from "../../core/time.ts";
import { digest } from "../../digest.ts";
import { DRILL_SOURCE } from "../../names.ts";
import { lifecycleAction, noEnd, terminated } from "./autoscaling.ts";
import { EVICTED, serviceEvent } from "./cloudtrail.ts";
import { capacityReservation, rebalance, spotInterruption, stateChange } from "./ec2.ts";
import { type Event, fieldsOf, idOf, instantOf, listOf, type Opened, open, openText } from "./event.ts";
import { health } from "./health.ts";
import { hostDrain } from "./own.ts";
import { type Parsed, quoted, unknown } from "./parsed.ts";

type Kind = readonly [source: string, detailType: string, parse: (event: Event) => Parsed];

/** All known kinds of events. A drill has the kinds of AWS. */
const AWS_KINDS: readonly Kind[] = [
  ["aws.ec2", "EC2 Spot Instance Interruption Warning", spotInterruption],
  ["aws.ec2", "EC2 Instance Rebalance Recommendation", rebalance],
  ["aws.ec2", "EC2 Instance State-change Notification", stateChange],
  ["aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning", capacityReservation],
  ["aws.ec2", "AWS Service Event via CloudTrail", serviceEvent],
  ["aws.health", "AWS Health Event", health],
  ["aws.autoscaling", "EC2 Instance-terminate Lifecycle Action", lifecycleAction],
  ["aws.autoscaling", "EC2 Instance-launch Lifecycle Action", noEnd],
  ["aws.autoscaling", "EC2 Instance Terminate Successful", terminated],
  ["aws.autoscaling", "EC2 Instance Terminate Unsuccessful", noEnd],
  ["aws.autoscaling", "EC2 Instance Launch Successful", noEnd],
  ["aws.autoscaling", "EC2 Instance Launch Unsuccessful", noEnd],
];
const OWN_KINDS: readonly Kind[] = [["lastbeat", "Lastbeat Host Drain", hostDrain]];
const keyOf = (source: string, type: string): string => JSON.stringify([source, type]);
const KINDS = new Map<string, Kind[2]>(
  [...AWS_KINDS, ...AWS_KINDS.map(([, type, parse]): Kind => [DRILL_SOURCE, type, parse]), ...OWN_KINDS].map(
    ([source, type, parse]) => [keyOf(source, type), parse],
  ),
);

/** An event in the form of EventBridge. */
function fromEventBridge({ fields, canonical }: Opened, type: string, receivedAt: Instant): Parsed {
  const { source, id, time, resources } = fields;
  const detail = fieldsOf(fields["detail"]);
  const parser = typeof source === "string" ? KINDS.get(keyOf(source, type)) : undefined;
  if (typeof source !== "string" || parser === undefined)
    return unknown(`no known kind of event: ${quoted(source)}, ${quoted(type)}`);
  if (detail === undefined) return unknown(`an event without detail: ${quoted(type)}`);
  return parser({
    source,
    // An event that has no id gets one made of its content, so that a redelivered one has the same.
    id: idOf(id) ?? digest(canonical),
    at: instantOf(time, receivedAt) ?? receivedAt,
    receivedAt,
    // In the documentation, the warning of an interruptible reservation has one text instead of a list.
    resources: typeof resources === "string" ? [resources] : (listOf(resources) ?? []),
    detail,
  });
}

/** CloudTrail's record of an eviction, without an envelope. */
function fromCloudTrail({ fields, canonical }: Opened, receivedAt: Instant): Parsed {
  if (fields["eventSource"] !== "ec2.amazonaws.com") return unknown("a record of CloudTrail that is not from EC2");
  return serviceEvent({
    source: "aws.ec2",
    id: digest(canonical),
    at: receivedAt,
    receivedAt,
    resources: [],
    detail: fields,
  });
}

/** The message that a lifecycle hook sends directly to a queue or a topic, without an envelope. */
function fromHook({ fields, canonical }: Opened, receivedAt: Instant): Parsed {
  return lifecycleAction({
    source: "aws.autoscaling",
    id: idOf(fields["RequestId"]) ?? digest(canonical),
    at: instantOf(fields["Time"], receivedAt) ?? receivedAt,
    receivedAt,
    resources: [],
    detail: fields,
  });
}

function byForm(opened: Opened, receivedAt: Instant): Parsed {
  const { fields } = opened;
  // AWS's documentation shows the warning of a capacity block with `detail_type`, so this name is accepted as well.
  const type = fields["detail-type"] ?? fields["detail_type"];
  if (typeof type === "string") return fromEventBridge(opened, type, receivedAt);
  if (fields["eventName"] === EVICTED) return fromCloudTrail(opened, receivedAt);
  if (Object.hasOwn(fields, "LifecycleTransition") || Object.hasOwn(fields, "Event"))
    return fromHook(opened, receivedAt);
  return unknown("no known form of an event");
}

/**
 * What an event says about hosts. This function never throws, and the same event received at the same instant gives the
 * same result. A topic of SNS wraps an event once, as a text in `Message`.
 */
export function parseEvent(event: unknown, receivedAt: Instant): Parsed {
  const opened = open(event);
  if (opened === undefined) return unknown("not a JSON object");
  const { Message: message } = opened.fields;
  if (typeof message !== "string" || Object.hasOwn(opened.fields, "detail-type")) return byForm(opened, receivedAt);
  const inner = openText(message);
  return inner === undefined ? unknown("a message that contains no JSON object") : byForm(inner, receivedAt);
}
