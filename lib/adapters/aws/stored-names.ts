/** Fields of ended attempts and runs whose names in tables, since 0.1.0, are not those in code: code and tables change apart. */
const STORED: Readonly<Record<string, string>> = {
  furthest: "best",
  endedByAttempt: "by",
  leaveReason: "told",
  reportHash: "body",
  gotFurther: "further",
};

const renamed = (value: object, nameOf: (name: string) => string | undefined): object =>
  Object.fromEntries(Object.entries(value).map(([name, field]) => [nameOf(name) ?? name, field]));

/** An end of an attempt, or a result of a run, with the names that tables have. */
export const stored = (value: object): object => renamed(value, (name) => STORED[name]);

/** What `stored` made, with the names that code has. */
export const fromStored = (value: object): object =>
  renamed(value, (name) => Object.keys(STORED).find((ours) => STORED[ours] === name));
