import { describe, expect, test } from "vitest";
import { endedElsewhere, prolonged, type Shown, type Situation, stepOf } from "../../lib/core/dispatching.ts";
import { asFence } from "../../lib/core/run.ts";
import { at, evidence, fenceOf, leaving, queued, registered, running, waiting } from "./runs.ts";

const NOW = at("12:00:30");
const RUN = queued({ due: at("12:15:00") });

/** The message of the queued attempt, half a minute after it was announced. */
const situation = (more: Partial<Situation> = {}, announced: Partial<Situation["announced"]> = {}): Situation => ({
  now: NOW,
  announced: { fence: RUN.fence, startBy: at("12:15:00"), isHeld: false, isReported: false, ...announced },
  run: RUN,
  isEndAwaited: false,
  isGated: true,
  isSeen: true,
  announcedAt: at("12:00:00"),
  ...more,
});

const shown = (before: Shown["before"], next: Shown["next"]): Pick<Situation, "shown"> => ({ shown: { before, next } });

describe("the next step for an announced attempt", () => {
  test("is none when its run has ended, or when a later attempt was announced", () => {
    expect(stepOf(situation({ run: undefined }))).toMatchObject({ kind: "drop" });
    expect(stepOf(situation({ run: queued({ fence: asFence(RUN.fence + 1) }) }))).toMatchObject({ kind: "drop" });
  });

  test("is none when it is claimed", () => {
    expect(stepOf(situation({ run: running() }, { fence: running().fence }))).toMatchObject({ kind: "done" });
  });

  test("is none while the run waits for its backoff: it is announced again then", () => {
    expect(stepOf(situation({ run: waiting() }, { fence: waiting().fence }))).toMatchObject({ kind: "done" });
  });

  test("is to tell a target that shows nothing, unless the attempt is not to start any more", () => {
    expect(stepOf(situation({ isSeen: false }))).toEqual({ kind: "tell" });
    expect(stepOf(situation({ isSeen: false, run: undefined }))).toMatchObject({ kind: "drop" });
    const held = { run: leaving(), isSeen: false };
    expect(stepOf(situation(held, { fence: asFence(leaving().fence + 1), isHeld: true }))).toEqual({ kind: "tell" });
  });

  test("is none when its time to start is over, by the run or by the message, whichever is later", () => {
    const late = { now: at("12:15:00") };
    expect(stepOf(situation(late))).toMatchObject({ kind: "drop" });
    expect(stepOf(situation({ ...late, run: queued({ due: at("12:20:00") }) }))).toEqual({ kind: "look" });
  });

  test("is to ask the target first", () => {
    expect(stepOf(situation())).toEqual({ kind: "look" });
  });

  test("is to end what is left of the attempt before, if nobody has heard of its end", () => {
    expect(stepOf(situation(shown("there", "none")))).toEqual({ kind: "fence" });
  });

  test("lets a pod end by itself whose agent has reported, for a while", () => {
    const reported = { isReported: true };
    expect(stepOf(situation({ ...shown("there", "none"), now: at("12:00:14") }, reported))).toMatchObject({
      kind: "nudge",
    });
    expect(stepOf(situation({ ...shown("there", "none"), now: at("12:00:15") }, reported))).toEqual({ kind: "fence" });
  });

  test("is to start it while the pod before ends, because its lease is over", () => {
    expect(stepOf(situation(shown("ending", "none")))).toMatchObject({ kind: "nudge" });
  });

  test("waits for the pod before, where its run asks for that", () => {
    expect(stepOf(situation({ ...shown("ending", "none"), isEndAwaited: true }))).toMatchObject({
      kind: "wait",
      again: 5000,
    });
    expect(stepOf(situation({ ...shown("gone", "none"), isEndAwaited: true }))).toMatchObject({ kind: "nudge" });
  });

  test("is to start a held successor at once, because it waits at the gate, unless its run waits for pods", () => {
    const run = leaving();
    const held = { isHeld: true, fence: asFence(run.fence + 1) };
    expect(stepOf(situation({ run, ...shown("there", "none") }, held))).toMatchObject({ kind: "nudge" });
    expect(stepOf(situation({ run, ...shown("there", "none"), isEndAwaited: true }, held))).toMatchObject({
      kind: "wait",
    });
  });

  test("waits until it is the successor's turn, where no gate would hold it", () => {
    const run = leaving();
    const held = { isHeld: true, fence: asFence(run.fence + 1) };
    expect(stepOf(situation({ run, isGated: false }, held))).toMatchObject({ kind: "wait" });
  });

  test("waits when the run is not as far as its message", () => {
    const early = { fence: asFence(running().fence + 1) };
    expect(stepOf(situation({ run: running(), now: at("12:15:00") }, early))).toMatchObject({ kind: "drop" });
    expect(stepOf(situation({ run: running() }, early))).toMatchObject({
      kind: "wait",
    });
  });

  test("asks the target again for what it may have made by halves", () => {
    expect(stepOf(situation(shown("gone", "started")))).toEqual({ kind: "nudge", again: 30_000 });
  });

  test("ends the run when its target says that the work is over, and takes nothing from a live attempt", () => {
    const ended = { outcome: "canceled", note: "Prefect says CANCELLED" } as const;
    const shownEnd = { shown: { before: "gone", next: "none", ended } } as const;
    expect(stepOf(situation(shownEnd))).toEqual({ kind: "end", end: ended });
    const cancel = { kind: "cancel", now: NOW, registration: registered(), reason: ended.note } as const;
    expect(endedElsewhere(RUN, RUN.fence, cancel)).toMatchObject({ write: "replace", next: { outcome: "canceled" } });
    for (const run of [running(), waiting(), queued({ fence: fenceOf(9) })])
      expect(endedElsewhere(run, RUN.fence, cancel)).toMatchObject({ write: "none" });
  });

  test("leaves to the sweep what has ended without a claim", () => {
    expect(stepOf(situation(shown("gone", "over")))).toMatchObject({ kind: "done" });
  });

  test("gives up what will never claim", () => {
    const failed = { cause: "unstartable", evidence: evidence("pod-ended", NOW) } as const;
    expect(stepOf(situation({ shown: { before: "gone", next: "started", failed } }))).toEqual({
      kind: "give-up",
      failed,
    });
  });

  test("gives more time to start while a machine is on its way, for an hour", () => {
    const coming = { ...shown("gone", "coming"), run: queued({ due: at("12:02:00") }) };
    expect(stepOf(situation(coming))).toMatchObject({ kind: "nudge", until: at("12:05:30") });
    expect(stepOf(situation({ ...coming, announcedAt: at("11:00:30") }))).toEqual({ kind: "nudge", again: 30_000 });
    const suspended = {
      ...shown("gone", "suspended"),
      run: queued({ due: at("12:02:00") }),
      announcedAt: at("06:00:00"),
    };
    expect(stepOf(situation(suspended))).toMatchObject({ kind: "nudge", until: at("12:05:30") });
    expect(stepOf(situation({ ...coming, run: queued({ due: at("12:14:00") }) }))).toEqual({
      kind: "nudge",
      again: 30_000,
    });
  });
});

describe("more time to start", () => {
  test("moves the start of this attempt, and never back", () => {
    expect(prolonged(RUN, RUN.fence, at("12:20:00"))).toMatchObject({
      write: "replace",
      next: { due: at("12:20:00"), rev: RUN.rev + 1 },
      due: { is: RUN.due },
    });
    expect(prolonged(RUN, RUN.fence, at("12:10:00"))).toMatchObject({ write: "none" });
  });

  test("changes nothing of another attempt, nor of one that is claimed", () => {
    expect(prolonged(RUN, asFence(RUN.fence + 1), at("12:20:00"))).toMatchObject({ write: "none" });
    expect(prolonged(running(), fenceOf(1), at("12:50:00"))).toMatchObject({ write: "none" });
  });
});
