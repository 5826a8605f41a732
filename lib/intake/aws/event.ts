import { after, before, type Instant, type Span, seconds } from "../../core/time.ts";
import { fromIso } from "../../wire/instants.ts";

/** The fields of a JSON object that nobody has looked at yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** An event of any form, brought into that of an EventBridge event. */
export type Event = {
  readonly source: string;
  readonly id: string;
  /** When it happened; when it was received, where it does not say so credibly. */
  readonly at: Instant;
  readonly receivedAt: Instant;
  readonly resources: readonly unknown[];
  readonly detail: Fields;
};

/** JSON of any shape, with the text from which the id of an event without one is made. */
export type Opened = { readonly fields: Fields; readonly canonical: string };

/** CloudTrail keeps 90 days, so nobody can replay an older event; what claims to be older was dated by a wrong clock. */
const LONGEST_AGO = seconds(90 * 24 * 60 * 60);

/** An event tells what has happened. A clock may be wrong by minutes, or by a time zone, but not by more than a day. */
const SOON = seconds(24 * 60 * 60);

/** AWS announces a maintenance two weeks ahead as a rule, and the longest planned changes up to a year. */
export const WITHIN_A_YEAR = seconds(366 * 24 * 60 * 60);

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const RFC_1123 = /^(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/** An id of EventBridge, CloudTrail or Auto Scaling is a UUID of 36 letters; it becomes a part of a sort key. */
const PRINTABLE_ID = /^[\x21-\x7e]{1,64}$/;

const byName = ([one]: [string, unknown], [other]: [string, unknown]): number => (one < other ? -1 : 1);

/** The fields of a value that is an object and no array. */
export const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;

/** The elements of a value that is an array. */
export const listOf = (value: unknown): readonly unknown[] | undefined => (Array.isArray(value) ? value : undefined);

/**
 * A copy as JSON, with the fields of each object in order. Getters, proxies and toJSON run here and nowhere else, and
 * here alone can anything throw: on what JSON cannot say, and on JSON nested some thousand levels deep.
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

/** What is in a text of JSON. */
export function openText(text: string): Opened | undefined {
  try {
    return open(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** An id that can be a part of a key. */
export const idOf = (id: unknown): string | undefined =>
  typeof id === "string" && PRINTABLE_ID.test(id) ? id : undefined;

function credible(text: unknown, format: RegExp, receivedAt: Instant, ahead: Span): Instant | undefined {
  if (typeof text !== "string" || !format.test(text)) return undefined;
  const at = fromIso(text);
  // Not a number, as of the 32nd of a month, fails both comparisons.
  return at >= before(receivedAt, LONGEST_AGO) && at <= after(receivedAt, ahead) ? at : undefined;
}

/** The instant that an RFC 3339 text names, from 90 days before an event was received to `ahead` after it. */
export const instantOf = (text: unknown, receivedAt: Instant, ahead = SOON): Instant | undefined =>
  credible(text, RFC_3339, receivedAt, ahead);

/** The same of a text like `Sat, 05 Jun 2016 15:10:09 GMT`, as AWS Health writes it. */
export const httpInstantOf = (text: unknown, receivedAt: Instant, ahead: Span): Instant | undefined =>
  credible(text, RFC_1123, receivedAt, ahead);
