import { type Event, instantOf } from "./event.ts";
import { aboutInstance, ignored, type Parsed, quoted, unknown } from "./parsed.ts";

const TEST = "autoscaling:TEST_NOTIFICATION";
const TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING";

/** A cause has at most 1,023 characters by the API of Auto Scaling; no more are searched. */
const CAUSE_LENGTH = 1023;

/**
 * "... in response to an EC2 health check indicating it has been terminated or stopped": the group noticed afterwards
 * that somebody else took the instance, and does not know who. That is how an unannounced reclaim looks, too.
 */
const NOTICED = /health check[^.]*(?:terminated|stopped)/i;

/**
 * An instance of the group waits for its end. `Origin` and `Destination` tell the warm pool from the group; an instance
 * that goes back to the pool is stopped or frozen there, and one that leaves the pool runs nothing, so both are told.
 */
export function lifecycleAction(event: Event): Parsed {
  const { LifecycleTransition: transition, Event: announced, EC2InstanceId: named } = event.detail;
  if (announced === TEST) return ignored("a test of a lifecycle hook");
  if (typeof transition !== "string") return unknown("a lifecycle action without a transition");
  if (transition !== TERMINATING) return ignored(`a lifecycle action that ends no instance: ${quoted(transition)}`);
  return aboutInstance(event, named, { kind: "scale-in" });
}

/** The group ended an instance, for a reason that `Cause` tells in prose. The event comes when the end is over, and says when it began. */
export function terminated(event: Event): Parsed {
  const { Cause: cause, EC2InstanceId: named, StartTime: began } = event.detail;
  const isNoticed = typeof cause === "string" && NOTICED.test(cause.slice(0, CAUSE_LENGTH));
  const at = instantOf(began, event.receivedAt);
  return aboutInstance(event, named, {
    kind: isNoticed ? "stopping" : "scale-in",
    ...(at !== undefined && at <= event.at && { at, deadline: event.at }),
  });
}

/** An instance began, or one that should have ended did not. */
export const noEnd = (): Parsed => ignored("no instance of the group ends");
