import { expect, test } from "vitest";
import { secondsOf } from "../../lib/cli/durations.ts";
import { nearest } from "../../lib/cli/nearest.ts";

test.each([
  ["60", 60],
  ["60s", 60],
  ["1.5m", 90],
  ["2h", 7200],
  ["1d", 86_400],
  [" 5m ", 300],
  ["-1", -1],
  ["0", 0],
])("%s is %d seconds", (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds);
});

test.each(["", "m", "5 m", "5mm", "1e3", "0x10", "five", "5M", "Infinity", "1h30m"])("%j is no time", (text) => {
  expect(secondsOf(text)).toBeUndefined();
});

test.each([
  ["leese", "lease"],
  ["shwo", "show"],
  ["requue", "requeue"],
  ["canel", "cancel"],
  ["Runs", "runs"],
])("who writes %s means %s", (word, meant) => {
  expect(nearest(word, ["lease", "show", "requeue", "cancel", "runs", "url"])).toBe(meant);
});

test.each(["quux", "x", "", "something"])("nobody knows what %j means", (word) => {
  expect(nearest(word, ["lease", "show", "requeue", "cancel", "runs"])).toBeUndefined();
});
