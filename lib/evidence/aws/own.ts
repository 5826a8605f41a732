import type { Instant } from "../../core/time.ts";
import { HOST } from "../../wire/ids.ts";
import { type Event, instantOf, WITHIN_A_YEAR } from "./event.ts";
import { notices, type Parsed, unknown } from "./parsed.ts";

/**
 * A letter takes at most 6 bytes in JSON, so a note takes at most 198 bytes of a run item, and still says what it is
 * about.
 */
const NOTE_LENGTH = 33;

/** An unreadable deadline counts as no deadline: a drain without a deadline is better than no drain. */
const deadlineOf = (event: Event): Instant | undefined =>
  instantOf(event.detail["deadline"], event.receivedAt, WITHIN_A_YEAR);

function hostOf(event: Event): string | undefined {
  const host = event.detail["host"];
  return typeof host === "string" && HOST.test(host) ? host : undefined;
}

/** The reason of the operator, cut to the length that run items have room for. */
function noteOf({ detail }: Event): string | undefined {
  const { reason } = detail;
  return typeof reason === "string" && reason !== "" ? reason.slice(0, NOTE_LENGTH) : undefined;
}

/** An operator, or a program of the operator, drains a host. */
export function hostDrain(event: Event): Parsed {
  const host = hostOf(event);
  if (host === undefined) return unknown("a drain without a host");
  return notices(event, [host], { kind: "drain", deadline: deadlineOf(event), note: noteOf(event) });
}
