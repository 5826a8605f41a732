import type { Instant } from "../../core/time.ts";
import { digest } from "../../digest.ts";
import { type Event, fieldsOf, httpInstantOf, instantOf, listOf, WITHIN_A_YEAR } from "./event.ts";
import { ignored, instancesOf, notices, type Parsed, unknown } from "./parsed.ts";

/**
 * A maintenance that is announced for instances of this account. An issue or a notification says nothing about a single
 * instance, a public event names no account, and entities may be volumes or dedicated hosts.
 */
export function health(event: Event): Parsed {
  const { service, eventTypeCategory: category, eventScopeCode: scope = "ACCOUNT_SPECIFIC" } = event.detail;
  if (typeof service !== "string" || typeof category !== "string")
    return unknown("a health event without service or category");
  if (service !== "EC2" || category !== "scheduledChange") return ignored("a health event of another kind");
  if (scope !== "ACCOUNT_SPECIFIC") return ignored("a public health event");
  const { startTime, endTime, statusCode, eventArn, affectedEntities } = event.detail;
  const entities = listOf(affectedEntities ?? [])?.map((entity) => fieldsOf(entity)?.["entityValue"]);
  if (entities === undefined) return unknown("a health event whose affected entities are not a list");
  const hosts = instancesOf(entities.length > 0 ? entities : event.resources);
  if (hosts.length === 0) return ignored("a health event about no instance");
  const at = timeOf(event, startTime);
  return notices(event, hosts, {
    kind: "maintenance",
    ...(at !== undefined && { at, saidAt: event.at }),
    deadline: timeOf(event, endTime),
    // All events about one maintenance have the same id, so that the last one counts.
    ...(typeof eventArn === "string" && { id: digest(eventArn) }),
    // "closed" means called off, or over. Only a maintenance that has not begun is taken back.
    ...(statusCode === "closed" && at !== undefined && at > event.at && { withdrawn: true as const }),
  });
}

const timeOf = ({ receivedAt }: Event, text: unknown): Instant | undefined =>
  instantOf(text, receivedAt, WITHIN_A_YEAR) ?? httpInstantOf(text, receivedAt, WITHIN_A_YEAR);
