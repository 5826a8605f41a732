import { describe, expect, test } from "vitest";
import { heardAt, stayOf, stayOfEnd } from "../../lib/core/stay.ts";
import { seconds } from "../../lib/core/time.ts";
import { at, lostLine, running } from "./runs.ts";

const LEASE = seconds(120);
const KILLED = { outcome: "failed", signal: "SIGKILL" } as const;

describe("the time of an attempt on its host", () => {
  test("goes on while it is held: from its claim, heard one lease before that runs out, and ended by now", () => {
    const run = running({ due: at("12:07:00") });
    expect(heardAt(run)).toBe(at("12:05:00"));
    expect(stayOf(run, at("12:06:00"))).toStrictEqual({
      claimedAt: at("12:01:00"),
      lastBeatAt: at("12:05:00"),
      endedBy: at("12:06:00"),
    });
  });

  test("ends within its lease where nobody has reported an end, or when it was found later", () => {
    const stay = { claimedAt: at("12:01:00"), lastBeatAt: at("12:05:00"), endedBy: at("12:07:00") };
    const line = lostLine({ lastBeatAt: at("12:05:00"), endedAt: at("12:06:00") });
    expect(stayOfEnd(line, LEASE)).toStrictEqual(stay);
    expect(stayOfEnd({ ...line, endedAt: at("12:08:00") }, LEASE)).toStrictEqual({ ...stay, endedBy: at("12:08:00") });
  });

  test("ends when its runner has reported the end, whatever was left of its lease", () => {
    expect(stayOfEnd(lostLine({ endedAt: at("12:01:30"), report: KILLED }), LEASE)).toStrictEqual({
      claimedAt: at("12:01:00"),
      lastBeatAt: at("12:01:00"),
      endedBy: at("12:01:30"),
    });
  });

  test("is none where it was never claimed, and not known where nobody has written down when it was heard", () => {
    const { claimedAt: _, ...unclaimed } = lostLine();
    const { lastBeatAt: __, ...unheard } = lostLine();
    expect([stayOfEnd(unclaimed, LEASE), stayOfEnd(unheard, LEASE)]).toStrictEqual([undefined, undefined]);
  });
});
