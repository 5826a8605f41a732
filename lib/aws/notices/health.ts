import { type Event, fieldsOf, httpInstantOf, instantOf, listOf, WITHIN_A_YEAR } from "./event.ts";
import { ignored, instancesOf, notices, type Parsed, unknown } from "./parsed.ts";

/**
 * A maintenance that is announced for instances of ours. An issue or a notification says nothing about a single
 * instance, a public event is about nobody in particular, and entities may be volumes or dedicated hosts.
 */
export function health(event: Event): Parsed {
  const { service, eventTypeCategory: category, eventScopeCode: scope = "ACCOUNT_SPECIFIC" } = event.detail;
  if (typeof service !== "string" || typeof category !== "string")
    return unknown("a health event without service or category");
  if (service !== "EC2" || category !== "scheduledChange") return ignored("a health event of another kind");
  if (scope !== "ACCOUNT_SPECIFIC") return ignored("a public health event");
  const { startTime, affectedEntities } = event.detail;
  const entities = listOf(affectedEntities ?? [])?.map((entity) => fieldsOf(entity)?.["entityValue"]);
  if (entities === undefined) return unknown("a health event whose affected entities are no list");
  const hosts = instancesOf(entities.length > 0 ? entities : event.resources);
  if (hosts.length === 0) return ignored("a health event about no instance");
  const at =
    instantOf(startTime, event.receivedAt, WITHIN_A_YEAR) ?? httpInstantOf(startTime, event.receivedAt, WITHIN_A_YEAR);
  return notices(event, hosts, { kind: "maintenance", ...(at !== undefined && { at }) });
}
