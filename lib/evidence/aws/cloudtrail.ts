import { after, seconds } from "../../core/time.ts";
import { type Event, fieldsOf, idOf, instantOf, listOf } from "./event.ts";
import { ignored, instancesOf, notices, type Parsed, unknown } from "./parsed.ts";

/** In observed evictions, jobs ended 4 to 14 s after the eviction of their instance. */
const LAST_BREATH = seconds(15);

/** The name of the record that EC2 writes after it has taken back spot instances. */
export const EVICTED = "BidEvictedEvent";

/**
 * The set of instances: CloudTrail writes a list of ids for service events, and `{items: [{instanceId}]}` for API
 * calls.
 */
function instanceIdSet(value: unknown): readonly string[] | undefined {
  const items = listOf(value) ?? listOf(fieldsOf(value)?.["items"]);
  return items === undefined ? undefined : instancesOf(items.map((item) => fieldsOf(item)?.["instanceId"] ?? item));
}

/**
 * An event of EC2 that was not an API call. No other event names the spot instances that were taken back. Id and time
 * are those of the record, so that the event from EventBridge and the record in CloudTrail count as one.
 */
export function serviceEvent(event: Event): Parsed {
  const { eventName, eventTime, eventID, serviceEventDetails } = event.detail;
  if (typeof eventName !== "string") return unknown("a service event without a name");
  if (eventName !== EVICTED) return ignored("a service event of another kind");
  const set = fieldsOf(serviceEventDetails)?.["instanceIdSet"] ?? [];
  const hosts = instanceIdSet(set);
  if (hosts === undefined) return unknown("an eviction whose instances are not a list");
  if (hosts.length === 0) return ignored("an eviction that names no instance");
  const at = instantOf(eventTime, event.receivedAt);
  return notices(event, hosts, {
    kind: "evicted",
    id: idOf(eventID) ?? event.id,
    at: at ?? event.at,
    // An interrupted instance may be stopped and come back with the same id. So an eviction at an unknown time proves
    // nothing
    // about the attempts that are there now.
    goneAt: at && after(at, LAST_BREATH),
  });
}
