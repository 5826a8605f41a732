import { type Instant, instant } from "../../core/time.ts";

/** A value of any shape, as JSON gives it. Nothing in it can be relied on: versions, clients and clouds differ. */
export type Json = unknown;
type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: Json): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

/** `container_statuses`, `ContainerStatuses` and `containerStatuses` are one name: clients of Python and Go rename. */
const folded = (name: string): string => name.replace(/[^a-z\d]/gi, "").toLowerCase();

/** The field of an object, under its own name or, where that is missing or null, under the name of another client. */
export function field(value: Json, name: string): Json {
  if (!isFields(value)) return undefined;
  if (Object.hasOwn(value, name) && value[name] !== null) return value[name];
  const wanted = folded(name);
  const found = Object.keys(value).find((key) => folded(key) === wanted && value[key] !== null);
  return found === undefined ? undefined : value[found];
}

/** The field at the end of a path. */
export const at = (value: Json, ...path: readonly string[]): Json => path.reduce(field, value);

/** Whether the object has the field at all, be it null. */
export const has = (value: Json, name: string): boolean =>
  isFields(value) && Object.keys(value).some((key) => folded(key) === folded(name));

/** A text that is not empty. */
export const textOf = (value: Json): string | undefined =>
  typeof value === "string" && value.trim() !== "" ? value : undefined;

/** A whole number, also as a text. */
export function numberOf(value: Json): number | undefined {
  const number = typeof value === "string" && /^-?\d{1,10}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined;
}

export const booleanOf = (value: Json): boolean | undefined => (typeof value === "boolean" ? value : undefined);

/** The objects in a list. A single object counts as a list of one. */
export const listOf = (value: Json): readonly Json[] =>
  Array.isArray(value) ? value.filter(isFields) : isFields(value) ? [value] : [];

/** A time before this is the zero of some clock: containerd writes the year 1, others 1970. */
const FIRST = Date.parse("2000-01-01T00:00:00Z");

/** The instant of an RFC 3339 text; undefined if it is none, or no time of an event. */
export function instantOf(value: Json): Instant | undefined {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\dT/.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) || time < FIRST ? undefined : instant(time);
}

/** The texts of a map such as labels. */
export function textsOf(value: Json): Readonly<Record<string, string>> {
  if (!isFields(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** An object without the fields that are undefined. */
export function known<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
