import type { Facts } from "../core/classify/classify.ts";
import type { EventFacts } from "../core/classify/facts.ts";
import { meaningOf } from "../core/classify/meaning.ts";
import type { Instant } from "../core/time.ts";
import { parseEvent } from "./aws/parse.ts";
import type { Parsed } from "./aws/parsed.ts";
import { readRecord } from "./aws/records.ts";
import { readEvent } from "./kubernetes/event.ts";
import { at, field, has, instantOf, type Json, known, listOf, numberOf, textOf } from "./kubernetes/fields.ts";
import { readNode } from "./kubernetes/node.ts";
import { readOwner } from "./kubernetes/owner.ts";
import { readPod } from "./kubernetes/pod.ts";

/** Something that somebody has kept of the end of an attempt: an object of Kubernetes, an event, an exit, an answer of AWS. */
export type Kept = { readonly input: Json; readonly node?: Json };

const NOTHING: Facts = { pods: [], nodes: [], events: [], exits: [], notices: [] };

/** Answers, messages and lists that carry what matters, under the name of their field. */
const CARRIERS = [
  "items",
  "SpotInstanceRequests",
  "SpotInstanceRequest",
  "Activities",
  "Events",
  "CloudTrailEvent",
  "Records",
  "Body",
  "body",
  "response",
] as const;
/** A message of SQS carries one of SNS, and that an event. */
const DEEPEST = 4;

function parsedText(value: Json): Json {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** All objects in what was kept: in a list, in an answer, or in a message as a text. */
function objectsOf(value: Json, depth = 0): readonly Json[] {
  const input = parsedText(value);
  if (depth >= DEEPEST) return listOf(input);
  if (Array.isArray(input)) return input.flatMap((each) => objectsOf(each, depth + 1));
  const inner = listOf(input).flatMap((object) =>
    CARRIERS.map((name) => parsedText((object as Readonly<Record<string, Json>>)[name])).filter(
      (each) => typeof each === "object" && each !== null,
    ),
  );
  return inner.length === 0 ? listOf(input) : inner.flatMap((each) => objectsOf(each, depth + 1));
}

const INSTANCE_ID = /^i-[0-9a-f]{8,17}$/;
/** In the place of an id that was left out or shortened: what happened is classified, on whichever instance. */
const SOME_INSTANCE = "i-00000000";

/** The same event, with a name for its instance. */
function withInstance(value: Json): Json {
  if (typeof value === "string") return /^i-[\w-]*$/.test(value) && !INSTANCE_ID.test(value) ? SOME_INSTANCE : value;
  if (Array.isArray(value)) return value.map(withInstance);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withInstance(each)]));
}

/** The event is kept, so it may be old: it is read as of its own time. */
function parsedOf(input: Json, now: Instant): { readonly parsed: Parsed; readonly isDated: boolean } {
  const own = ["time", "Time", "eventTime"].map((name) => instantOf(field(input, name))).find(Boolean);
  const named = withInstance(input);
  const parsed = parseEvent(named, own ?? now);
  if (parsed.kind !== "unknown") return { parsed, isDated: own !== undefined };
  const detail = { "instance-id": SOME_INSTANCE, EC2InstanceId: SOME_INSTANCE, ...(field(named, "detail") as object) };
  const again = parseEvent({ ...(named as object), eventSource: "ec2.amazonaws.com", detail }, own ?? now);
  return { parsed: again.kind === "unknown" ? parsed : again, isDated: own !== undefined };
}

/** What an event of EventBridge says. One that is not understood is about no attempt. */
function ofEventBridge(input: Json, now: Instant): Pick<Facts, "events" | "notices"> {
  const { parsed, isDated } = parsedOf(input, now);
  if (parsed.kind === "notices") {
    const notices = parsed.notices.map(({ host, evidence }) => ({
      evidence,
      ...(host !== SOME_INSTANCE && { host }),
      ...(!isDated && { isUndated: true as const }),
    }));
    return { events: [], notices };
  }
  const type = textOf(field(input, "detail-type"));
  const isReclaim = parsed.kind === "unknown" && meaningOf(type) === "reclaimed" && !/rebalance/i.test(type ?? "");
  const event: EventFacts = {
    component: "EventBridge",
    message: parsed.why,
    means: isReclaim ? "reclaimed" : "alive",
    ...(type !== undefined && { reason: type }),
  };
  return { events: [event], notices: [] };
}

/** A process that ended, and what was kept of it. Docker has a flag where others have a reason. */
const exitOf = (input: Json): Facts["exits"][number] =>
  known({
    exitCode: numberOf(field(input, "exitCode")),
    signal: textOf(field(input, "signal")),
    reason:
      field(input, "OOMKilled") === true
        ? "OOMKilled"
        : (textOf(field(input, "reason")) ?? textOf(field(input, "state"))),
    message: textOf(field(input, "message")),
  }) as Facts["exits"][number];

/** `message` and `event` are words of many, and only AWS writes them with a capital letter. */
const isOfAws = (input: Json): boolean =>
  ["detail-type", "detail_type", "LifecycleTransition", "Message", "Event", "eventName"].some((name) =>
    Object.hasOwn(input as object, name),
  );

const isInstance = (input: Json): boolean =>
  ["StateReason", "StateTransitionReason", "InstanceLifecycle", "InstanceId", "Instance"].some((name) =>
    has(input, name),
  );

/** `Reservations` is how DescribeInstances answers. */
const instanceIn = (input: Json): Json =>
  listOf(at(input, "Reservations")).flatMap((each) => listOf(field(each, "Instances")))[0] ?? input;

const isPodStatus = (input: Json): boolean => has(input, "phase") && !has(input, "status");

/** The facts in one object, by what it is. */
function factsOf(input: Json, now: Instant): Facts {
  const kind = (textOf(field(input, "kind")) ?? "").toLowerCase();
  // The answer of an API server to a question: it is no object, and says nothing about one.
  if (kind === "status") return NOTHING;
  if (kind === "event" || has(input, "involvedObject")) return { ...NOTHING, events: [readEvent(input)] };
  if (kind === "node") return { ...NOTHING, nodes: [readNode(input)] };
  if (kind === "pod" || has(field(input, "status"), "containerStatuses")) return { ...NOTHING, pods: [readPod(input)] };
  if (isPodStatus(input)) return { ...NOTHING, pods: [readPod({ status: input })] };
  if (has(input, "exitCode") || has(input, "signal")) return { ...NOTHING, exits: [exitOf(input)] };
  if (Object.hasOwn(input as object, "detail-type")) return { ...NOTHING, ...ofEventBridge(input, now) };
  const record = readRecord(input);
  if (record !== undefined) return { ...NOTHING, events: [record] };
  if (isOfAws(input)) return { ...NOTHING, ...ofEventBridge(input, now) };
  if (isInstance(instanceIn(input))) return { ...NOTHING, nodes: [readNode(instanceIn(input))] };
  if (has(input, "status") || has(input, "spec")) return { ...NOTHING, owner: readOwner(input) };
  return has(input, "message") || has(input, "reason") ? { ...NOTHING, exits: [exitOf(input)] } : NOTHING;
}

/** An attempt has one owner; everything else there may be several of. */
function joined(one: Facts, other: Facts): Facts {
  const owner = one.owner ?? other.owner;
  return {
    pods: [...one.pods, ...other.pods],
    nodes: [...one.nodes, ...other.nodes],
    events: [...one.events, ...other.events],
    exits: [...one.exits, ...other.exits],
    notices: [...one.notices, ...other.notices],
    ...(owner !== undefined && { owner }),
  };
}

/** Objects that people keep beside the one that matters. */
const BESIDE = ["pods", "pod", "job", "owner", "events", "notices", "nodes"] as const;

/** What was kept, as facts. Whatever is not understood gives no fact. `now`: when it was received. */
export function readFacts({ input, node }: Kept, now: Instant): Facts {
  const beside = BESIDE.flatMap((name) => listOf(field(input, name)));
  const facts = [...objectsOf(input), ...beside].map((each) => factsOf(each, now)).reduce(joined, NOTHING);
  return node === undefined || node === null ? facts : joined({ ...NOTHING, nodes: [readNode(node)] }, facts);
}
