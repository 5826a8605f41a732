import type { EventFacts } from "../../core/classify/facts.ts";
import { type Fields, fieldsOf, listOf } from "./event.ts";

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** An activity of an Auto Scaling group. `Cause` is prose. Only one that has ended an instance ends anything. */
function activity(fields: Fields): EventFacts | undefined {
  const [cause, description, status] = ["Cause", "Description", "StatusCode"].map((name) => textOf(fields[name]));
  if (cause === undefined) return undefined;
  const isEnd = /terminat/i.test(description ?? "terminating") && !/fail|cancel/i.test(status ?? "");
  return { component: "Auto Scaling", message: cause, ...(!isEnd && { means: "alive" }) };
}

/** A call that ended instances. A service that ends them for its group takes capacity away; of a person nobody knows. */
function call(fields: Fields): EventFacts | undefined {
  const name = textOf(fields["eventName"]);
  if (name === undefined || !/^(Terminate|Stop)Instances$/.test(name)) return undefined;
  const by = textOf(fieldsOf(fields["userIdentity"])?.["invokedBy"]);
  const means = /autoscaling|spot/.test(by ?? "") ? "reclaimed" : "killed";
  return { component: "CloudTrail", reason: name, ...(by !== undefined && { message: `by ${by}` }), means };
}

/** The code of a request for a spot instance that has ended. Every other code is about one that runs, or that is awaited. */
const ENDED = /^(instance-(terminated|stopped)|marked-for)/;

/** The status of a request for a spot instance, such as `instance-terminated-no-capacity`. */
function request(fields: Fields): EventFacts | undefined {
  const status = fieldsOf(fields["Status"]);
  const code = textOf(status?.["Code"]);
  const message = textOf(status?.["Message"]);
  if (code === undefined) return undefined;
  const means = !ENDED.test(code) ? "alive" : code.includes("by-user") ? "killed" : "reclaimed";
  return { component: "spot request", reason: code, ...(message !== undefined && { message }), means };
}

/**
 * What the metadata of an instance say about its own end: an action with a time, the time of an end, or the time of a
 * recommendation or of a maintenance.
 */
function metadata(fields: Fields): EventFacts | undefined {
  const component = "instance metadata";
  const action = textOf(fields["action"]);
  if (action !== undefined && /^(terminate|stop|hibernate)$/.test(action))
    return { component, reason: action, means: "reclaimed" };
  if (textOf(fields["noticeTime"]) !== undefined)
    return { component, reason: "rebalance recommendation", means: "alive" };
  if (textOf(fields["NotBefore"]) !== undefined) return { component, reason: "scheduled maintenance", means: "alive" };
  const path = textOf(fields["path"]) ?? textOf(fields["imds"]);
  if (path === undefined || !path.includes("meta-data")) return undefined;
  const answer = textOf(fields["body"]) ?? textOf(fields["response"]) ?? "";
  const isEnd = path.includes("termination-time") ? /^\d{4}-/.test(answer) : answer === "Terminated";
  return { component, reason: path, message: answer, means: isEnd ? "reclaimed" : "alive" };
}

const FORMS = [activity, call, request, metadata] as const;

/** What a record of AWS that is no event says, in the form of an event; undefined if it is none of those that we know. */
export function readRecord(value: unknown): EventFacts | undefined {
  const fields = fieldsOf(value) ?? fieldsOf(listOf(value)?.[0]);
  return fields && FORMS.map((form) => form(fields)).find((each) => each !== undefined);
}
