import { after, seconds } from "../../core/time.ts";
import { type Event, fieldsOf, idOf, instantOf, listOf } from "./event.ts";
import { ignored, instancesOf, notices, type Parsed, unknown } from "./parsed.ts";

/** Jobs of a reclaimed instance were seen to end 4 to 14 s after its eviction. */
const LAST_BREATH = seconds(15);

/** The name of the record that EC2 writes when it has taken back spot instances. */
export const EVICTED = "BidEvictedEvent";

/** The set as CloudTrail writes it for service events, a list of ids, or for API calls, `{items: [{instanceId}]}`. */
function instanceIdSet(value: unknown): readonly string[] | undefined {
  const items = listOf(value) ?? listOf(fieldsOf(value)?.["items"]);
  return items === undefined ? undefined : instancesOf(items.map((item) => fieldsOf(item)?.["instanceId"] ?? item));
}

/**
 * An event of EC2 that was not a call of the API. Spot instances that were taken back are named in one place only. Id
 * and time are those of the record, so that what EventBridge delivers and what is looked up in CloudTrail are one.
 */
export function serviceEvent(event: Event): Parsed {
  const { eventName, eventTime, eventID, serviceEventDetails } = event.detail;
  if (typeof eventName !== "string") return unknown("a service event without a name");
  if (eventName !== EVICTED) return ignored("a service event of another kind");
  const set = fieldsOf(serviceEventDetails)?.["instanceIdSet"] ?? [];
  const hosts = instanceIdSet(set);
  if (hosts === undefined) return unknown("an eviction whose instances are no list");
  if (hosts.length === 0) return ignored("an eviction that names no instance");
  const at = instantOf(eventTime, event.receivedAt);
  return notices(event, hosts, {
    kind: "evicted",
    id: idOf(eventID) ?? event.id,
    at: at ?? event.at,
    // An interrupted instance may be stopped and come back under its id, so an eviction at an unknown time proves nothing
    // about the attempts there now.
    goneAt: at && after(at, LAST_BREATH),
  });
}
