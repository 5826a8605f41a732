import type { Instant } from "../../core/time.ts";
import { HOST } from "../../wire/ids.ts";
import { type Event, instantOf, WITHIN_A_YEAR } from "./event.ts";
import { notices, type Parsed, unknown } from "./parsed.ts";

/** The API takes 200 bytes of JSON; a sixth of that is safe for letters of any kind, and still says what it is about. */
const NOTE_LENGTH = 33;

/** A deadline that cannot be read is none: who asks for a drain is better drained without a deadline than not at all. */
const deadlineOf = (event: Event): Instant | undefined =>
  instantOf(event.detail["deadline"], event.receivedAt, WITHIN_A_YEAR);

function hostOf(event: Event): string | undefined {
  const host = event.detail["host"];
  return typeof host === "string" && HOST.test(host) ? host : undefined;
}

/** What the operator said, as far as it fits the run items that will carry it. */
function noteOf({ detail }: Event): string | undefined {
  const { reason } = detail;
  return typeof reason === "string" && reason !== "" ? reason.slice(0, NOTE_LENGTH) : undefined;
}

/** An operator, or something that acts for one, empties a host. */
export function hostDrain(event: Event): Parsed {
  const host = hostOf(event);
  if (host === undefined) return unknown("a drain without a host");
  return notices(event, [host], { kind: "drain", deadline: deadlineOf(event), note: noteOf(event) });
}
