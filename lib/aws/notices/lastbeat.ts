import { after, type Instant, seconds } from "../../core/time.ts";
import { HOST } from "../../wire/schemas.ts";
import { type Event, instantOf, WITHIN_A_YEAR } from "./event.ts";
import { notices, type Parsed, quoted, unknown } from "./parsed.ts";

/** What a runner without a deadline was told by the instance metadata, like the warning of EventBridge. */
const WARNING = seconds(120);

/** A deadline that cannot be read is none: who asks for a drain is better drained without a deadline than not at all. */
const deadlineOf = (event: Event): Instant | undefined =>
  instantOf(event.detail["deadline"], event.receivedAt, WITHIN_A_YEAR);

function hostOf(event: Event): string | undefined {
  const host = event.detail["host"];
  return typeof host === "string" && HOST.test(host) ? host : undefined;
}

/** An operator, or something that acts for one, empties a host. */
export function hostDrain(event: Event): Parsed {
  const host = hostOf(event);
  if (host === undefined) return unknown("a drain without a host");
  return notices(event, [host], { kind: "drain", deadline: deadlineOf(event) });
}

/** A runner passes on what it read in the metadata of its instance. */
export function runnerNotice(event: Event): Parsed {
  const host = hostOf(event);
  if (host === undefined) return unknown("a notice of a runner without a host");
  const told = event.detail["kind"];
  switch (told) {
    case "spot":
      return notices(event, [host], {
        kind: "spot-interruption",
        source: "runner",
        deadline: deadlineOf(event) ?? after(event.at, WARNING),
      });
    case "rebalance":
      return notices(event, [host], { kind: "rebalance", source: "runner", deadline: deadlineOf(event) });
    default:
      return unknown(`no known notice of a runner: ${quoted(told)}`);
  }
}
