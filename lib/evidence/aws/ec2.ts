import { after, type Instant, seconds } from "../../core/time.ts";
import { type Event, instantOf } from "./event.ts";
import { aboutInstance, ignored, type Parsed, quoted, unknown } from "./parsed.ts";

/** The time from a warning to the end of the instance, as documented for both kinds of warning. */
const WARNING = seconds(120);

/** What a state of an instance means for its attempts. Names are compared as a whole: "stop" is not a state. */
const STATES: ReadonlyMap<unknown, "on" | "leaving" | "gone"> = new Map([
  ["pending", "on"],
  ["running", "on"],
  ["stopping", "leaving"],
  ["stopped", "leaving"],
  ["shutting-down", "leaving"],
  ["terminated", "gone"],
]);

const warned = (at: Instant): Instant => after(at, WARNING);

/** Hibernation starts with the warning. Every other action, documented or not, starts after the warning. */
export const spotInterruption = (event: Event): Parsed =>
  aboutInstance(event, event.detail["instance-id"], {
    kind: "spot-interruption",
    deadline: event.detail["instance-action"] === "hibernate" ? event.at : warned(event.at),
  });

export const rebalance = (event: Event): Parsed =>
  aboutInstance(event, event.detail["instance-id"], { kind: "rebalance" });

/**
 * An interruptible reservation warns two minutes ahead, a capacity block ten. Both events contain the time of the end.
 */
export const capacityReservation = (event: Event): Parsed =>
  aboutInstance(event, event.detail["instance-id"], {
    kind: "capacity-reservation",
    deadline: instantOf(event.detail["instance-termination-time"], event.receivedAt) ?? warned(event.at),
  });

/** A stopped instance may come back under the same id; a terminated one never does. */
export function stateChange(event: Event): Parsed {
  const state = event.detail["state"];
  switch (STATES.get(state)) {
    case "on":
      return ignored(`an instance is ${state}`);
    case "leaving":
      return aboutInstance(event, event.detail["instance-id"], { kind: "stopping" });
    case "gone":
      return aboutInstance(event, event.detail["instance-id"], { kind: "terminated", goneAt: event.at });
    case undefined:
      return unknown(`no known state of an instance: ${quoted(state)}`);
  }
}
