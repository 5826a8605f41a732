/**
 * Fields of ended attempts and runs that have had other names in tables than in code since version 0.1.0. Code and
 * tables change at different times.
 */
const STORED: Readonly<Record<string, string>> = {
  furthest: "best",
  endedByAttempt: "by",
  leaveReason: "told",
  reportHash: "body",
  gotFurther: "further",
};

const renamed = (value: object, nameOf: (name: string) => string | undefined): object =>
  Object.fromEntries(Object.entries(value).map(([name, field]) => [nameOf(name) ?? name, field]));

/** The end of an attempt, or the result of a run, with the names that tables have. */
export const toStored = (value: object): object => renamed(value, (name) => STORED[name]);

/** The reverse of `stored`: with the names that code has. */
export const fromStored = (value: object): object =>
  renamed(value, (name) => Object.keys(STORED).find((ours) => STORED[ours] === name));
