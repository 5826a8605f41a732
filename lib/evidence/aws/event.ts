import { after, before, type Instant, type Span, seconds } from "../../core/time.ts";
import { fromIso } from "../../wire/instants.ts";

/** The fields of a JSON object that have not been checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** An event of any form, converted to the form of an EventBridge event. */
export type Event = {
  readonly source: string;
  readonly id: string;
  /** When it happened; or when it was received, if the event has no credible time. */
  readonly at: Instant;
  readonly receivedAt: Instant;
  readonly resources: readonly unknown[];
  readonly detail: Fields;
};

/** JSON of any shape. An event without an id gets one that is made from the canonical text. */
export type Opened = { readonly fields: Fields; readonly canonical: string };

/** CloudTrail keeps 90 days, so nobody can replay an older event. An older time comes from a wrong clock. */
const LONGEST_AGO = seconds(90 * 24 * 60 * 60);

/** An event is about the past. A clock may be wrong by minutes or by a time zone, but not by more than a day. */
const SOON = seconds(24 * 60 * 60);

/** AWS usually announces a maintenance two weeks ahead, and the longest planned changes up to a year ahead. */
export const WITHIN_A_YEAR = seconds(366 * 24 * 60 * 60);

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const RFC_1123 = /^(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/** An id of EventBridge, CloudTrail or Auto Scaling is a UUID of 36 characters. The id becomes a part of a sort key. */
const PRINTABLE_ID = /^[\x21-\x7e]{1,64}$/;

const byName = ([one]: [string, unknown], [other]: [string, unknown]): number => (one < other ? -1 : 1);

/** The fields of a value, if it is an object and not an array. */
export const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;

/** The elements of a value, if it is an array. */
export const listOf = (value: unknown): readonly unknown[] | undefined => (Array.isArray(value) ? value : undefined);

/**
 * A copy as JSON, with the fields of each object in order. Getters, proxies and toJSON run only here. Only here can
 * something throw: for a value that JSON cannot express, and for JSON that is nested some thousand levels deep.
 */
export function open(value: unknown): Opened | undefined {
  try {
    const canonical = JSON.stringify(value, (_, part: unknown) => {
      const fields = fieldsOf(part);
      return fields === undefined ? part : Object.fromEntries(Object.entries(fields).sort(byName));
    });
    const fields = fieldsOf(JSON.parse(canonical));
    return fields === undefined ? undefined : { fields, canonical };
  } catch {
    return undefined;
  }
}

/** The content of a JSON text. */
export function openText(text: string): Opened | undefined {
  try {
    return open(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The id, if it can be a part of a key. */
export const idOf = (id: unknown): string | undefined =>
  typeof id === "string" && PRINTABLE_ID.test(id) ? id : undefined;

function credible(text: unknown, format: RegExp, receivedAt: Instant, ahead: Span): Instant | undefined {
  if (typeof text !== "string" || !format.test(text)) return undefined;
  const at = fromIso(text);
  // An impossible date, such as the 32nd of a month, is NaN and fails both comparisons.
  return at >= before(receivedAt, LONGEST_AGO) && at <= after(receivedAt, ahead) ? at : undefined;
}

/** The instant of an RFC 3339 text, if it is from 90 days before the event was received to `ahead` after that. */
export const instantOf = (text: unknown, receivedAt: Instant, ahead = SOON): Instant | undefined =>
  credible(text, RFC_3339, receivedAt, ahead);

/** The same for a text such as `Sat, 05 Jun 2016 15:10:09 GMT`, which AWS Health writes. */
export const httpInstantOf = (text: unknown, receivedAt: Instant, ahead: Span): Instant | undefined =>
  credible(text, RFC_1123, receivedAt, ahead);
