import { type Event, instantOf } from "./event.ts";
import { aboutInstance, ignored, type Parsed, quoted, unknown } from "./parsed.ts";

const TEST = "autoscaling:TEST_NOTIFICATION";
const TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING";

/** By the API of Auto Scaling a cause has at most 1,023 characters; no more are searched. */
const CAUSE_LENGTH = 1023;

/**
 * "... in response to an EC2 health check indicating it has been terminated or stopped": the group noticed afterwards
 * that the instance was taken, and does not know by whom. An unannounced reclaim looks the same.
 */
const NOTICED = /health check[^.]*(?:terminated|stopped)/i;

/**
 * An instance of the group waits for its end. `Origin` and `Destination` would distinguish the warm pool from the
 * group. That is not needed: an instance that goes back to the pool is stopped or frozen there, and one that leaves the
 * pool runs nothing.
 */
export function lifecycleAction(event: Event): Parsed {
  const { LifecycleTransition: transition, Event: announced, EC2InstanceId: named } = event.detail;
  if (announced === TEST) return ignored("a test of a lifecycle hook");
  if (typeof transition !== "string") return unknown("a lifecycle action without a transition");
  if (transition !== TERMINATING) return ignored(`a lifecycle action that ends no instance: ${quoted(transition)}`);
  return aboutInstance(event, named, { kind: "scale-in" });
}

/**
 * The group ended an instance. `Cause` gives the reason as prose. The event comes after the end, and says when the end
 * began.
 */
export function terminated(event: Event): Parsed {
  const { Cause: cause, EC2InstanceId: named, StartTime: began } = event.detail;
  const isNoticed = typeof cause === "string" && NOTICED.test(cause.slice(0, CAUSE_LENGTH));
  const at = instantOf(began, event.receivedAt);
  return aboutInstance(event, named, {
    kind: isNoticed ? "stopping" : "scale-in",
    ...(at !== undefined && at <= event.at && { at, deadline: event.at }),
  });
}

/** An instance started, or an instance failed to end. */
export const noEnd = (): Parsed => ignored("no instance of the group ends");
