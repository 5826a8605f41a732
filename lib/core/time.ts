declare const unit: unique symbol;

/** A point in time: whole milliseconds since the Unix epoch, by the service's clock. */
export type Instant = number & { readonly [unit]: "instant" };

/** A length of time in whole milliseconds. */
export type Span = number & { readonly [unit]: "span" };

/** The instant `milliseconds` after the Unix epoch; fractions are cut off. */
export const instant = (milliseconds: number): Instant => Math.trunc(milliseconds) as Instant;

/** A span of `count` milliseconds; fractions are cut off. */
export const milliseconds = (count: number): Span => Math.trunc(count) as Span;

/** A span of `count` seconds, rounded to the nearest millisecond: 1.001 x 1000 is not quite 1001 in binary. */
export const seconds = (count: number): Span => milliseconds(Math.round(count * 1000));

/** The instant one span later. */
export const after = (start: Instant, span: Span): Instant => instant(start + span);

/** The instant one span earlier. */
export const before = (end: Instant, span: Span): Instant => instant(end - span);

/** The earlier of two instants; an absent one never comes. */
export const earlier = (one: Instant, other: Instant | undefined): Instant =>
  other === undefined || one <= other ? one : other;

/** The later of two instants; an absent one never came. */
export const later = (one: Instant, other: Instant | undefined): Instant =>
  other === undefined || one >= other ? one : other;

/** Whole seconds since the Unix epoch, rounded down: the unit of a DynamoDB TTL and of a first fence. */
export const unixSeconds = (at: Instant): number => Math.floor(at / 1000);
