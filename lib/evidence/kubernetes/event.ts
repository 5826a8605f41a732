import type { EventFacts } from "../../core/classify/facts.ts";
import { at, field, instantOf, type Json, known, textOf } from "./fields.ts";

/** `pod/name`, as `kubectl get events` prints the object, or an object reference. */
function aboutOf(event: Json): string | undefined {
  const object = field(event, "involvedObject") ?? field(event, "regarding") ?? field(event, "object");
  return textOf(at(object, "kind")) ?? textOf(object)?.split("/")[0];
}

/** What an event of Kubernetes says, in the form of core/v1 or of events.k8s.io/v1. */
export const readEvent = (event: Json): EventFacts =>
  known({
    reason: textOf(field(event, "reason")),
    message: textOf(field(event, "message")) ?? textOf(field(event, "note")),
    type: textOf(field(event, "type")),
    component:
      textOf(field(event, "reportingComponent")) ??
      textOf(field(event, "reportingController")) ??
      textOf(at(event, "source", "component")),
    about: aboutOf(event),
    at:
      instantOf(field(event, "eventTime")) ??
      instantOf(field(event, "lastTimestamp")) ??
      instantOf(field(event, "firstTimestamp")),
  }) as EventFacts;
