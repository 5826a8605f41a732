import { after, type Instant, seconds } from "../../core/time.ts";
import { type Event, instantOf } from "./event.ts";
import { aboutInstance, ignored, type Parsed, quoted, unknown } from "./parsed.ts";

/** From a warning to the end of the instance, by the documentation of both kinds of warning. */
const WARNING = seconds(120);

/** How a state of an instance reads to what runs on it. Compared as a whole: "stop" is not a state. */
const STATES: ReadonlyMap<unknown, "on" | "leaving" | "gone"> = new Map([
  ["pending", "on"],
  ["running", "on"],
  ["stopping", "leaving"],
  ["stopped", "leaving"],
  ["shutting-down", "leaving"],
  ["terminated", "gone"],
]);

const warned = (at: Instant): Instant => after(at, WARNING);

/** Hibernation starts with the warning. What another action than the documented ones does, it does after the warning. */
export const spotInterruption = (event: Event): Parsed =>
  aboutInstance(event, event.detail["instance-id"], {
    kind: "spot-interruption",
    deadline: event.detail["instance-action"] === "hibernate" ? event.at : warned(event.at),
  });

export const rebalance = (event: Event): Parsed =>
  aboutInstance(event, event.detail["instance-id"], { kind: "rebalance" });

/** An interruptible reservation warns two minutes ahead, a capacity block ten; both say when in the event. */
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
