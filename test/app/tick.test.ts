import { expect, test } from "vitest";
import { tick } from "../../lib/app/tick.ts";
import { after, type Instant, instant, seconds } from "../../lib/core/time.ts";
import type { Ticks } from "../../lib/ports/queues.ts";

const at = (time: string): Instant => instant(Date.parse(`2026-11-22T${time}Z`));

/** The ticks that one firing of the rule queues, as times and delays. */
async function queued(now: Instant, period: number, firedAt?: Instant): Promise<{ at: Instant; delay: number }[]> {
  const sent: { at: Instant; delay: number }[] = [];
  const ticks: Ticks = {
    send: async (all) => {
      sent.push(...all.map(({ tick: { at: due }, delay }) => ({ at: due, delay })));
    },
  };
  await tick(ticks, now, seconds(period), firedAt);
  return sent;
}

test("the ticks of [now + 30 s, now + 90 s) lie on the wall-clock grid", async () => {
  expect(await queued(at("12:00:00.000"), 10)).toEqual(
    ["12:00:30", "12:00:40", "12:00:50", "12:01:00", "12:01:10", "12:01:20"].map((time) => ({
      at: at(time),
      delay: at(time) - at("12:00:00.000"),
    })),
  );
});

test("rules that fire late by different seconds leave no gap in the grid", async () => {
  const late = [0, 3.2, 0.1, 12.4, 0, 7.7];
  const seen = new Set<number>();
  for (const [minute, second] of late.entries()) {
    const firedAt = after(at("12:00:00.000"), seconds(60 * minute));
    for (const { at: due } of await queued(after(firedAt, seconds(second)), 10, firedAt)) seen.add(due);
  }
  const first = Math.min(...seen);
  const last = Math.max(...seen);
  expect(seen.size).toBe((last - first) / 10_000 + 1);
});

test.each([1, 5, 10, 15, 60])("a day of rules %i s apart in their grid queues each tick once", async (period) => {
  const seen: number[] = [];
  for (let minute = 0; minute < 24 * 60; minute += 1)
    seen.push(...(await queued(after(at("00:00:07.300"), seconds(60 * minute)), period)).map((one) => one.at));
  expect(seen).toHaveLength((24 * 3600) / period);
  expect(new Set(seen).size).toBe(seen.length);
});

test("a tick whose time has passed is not queued", async () => {
  const sent = await queued(at("12:01:00.500"), 10, at("12:00:00.000"));
  expect(sent).toEqual([
    { at: at("12:01:10"), delay: 9500 },
    { at: at("12:01:20"), delay: 19_500 },
  ]);
});
