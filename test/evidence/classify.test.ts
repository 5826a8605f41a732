import { expect, test } from "vitest";
import { lineOf, MEANINGS } from "../../lib/core/classify/meaning.ts";
import { CASES, labelled, SAMPLES } from "./deaths.ts";

test("there are samples", () => {
  expect(SAMPLES.length).toBeGreaterThanOrEqual(37);
});

test.each(SAMPLES)("$name is classified", ({ kept, accept }) => {
  expect(accept).toContain(labelled(kept));
});

test.each(CASES.map(([name, kept, ...accept]) => ({ name, kept, accept })))(
  "$name is classified",
  ({ kept, accept }) => {
    expect(accept).toContain(labelled(kept));
  },
);

const textsIn = (value: unknown): readonly string[] => {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
};

test("no meaning of words is there for one case alone", () => {
  const cases = [...SAMPLES, ...CASES.map(([name, kept]) => ({ name, kept }))];
  const users = new Map<number, Set<string>>();
  for (const { name, kept } of cases)
    for (const text of textsIn(kept)) {
      const line = lineOf(text);
      if (line !== undefined) users.set(line, (users.get(line) ?? new Set()).add(name));
    }
  expect(users.size).toBe(MEANINGS.length);
  expect([...users].filter(([, names]) => names.size < 2).map(([line]) => String(MEANINGS[line]))).toEqual([]);
});
