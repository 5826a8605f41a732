import { describe, expect, test } from "vitest";
import { Refused, type Requeue, type Starter } from "../../lib/ports/dispatch.ts";

/** A target that a test can play with. */
export type Played = {
  readonly starter: Starter;
  /** The announcement of the attempt of this number, of one run; `previous` is the attempt before. */
  requeue(attempt: number): Requeue;
  /** How many starts of this attempt the target knows: Jobs, flow runs, whatever it has. */
  starts(attempt: number): Promise<number>;
  /** What was started for this attempt runs, and ends. */
  runs(attempt: number): Promise<void>;
  ends(attempt: number): Promise<void>;
  /** Somebody else has taken the name of this attempt; absent where attempts have no names. */
  readonly takes?: (attempt: number) => Promise<void>;
};

/** What every target has to do. `open` gives one on which nothing was started. */
export function describeStarter(name: string, open: () => Promise<Played>, wait = 0): void {
  const slow = { timeout: wait + 1000 };
  describe(`a target: ${name}`, { timeout: 60_000 }, () => {
    test("shows nothing of a first attempt before it is started, and that it is, afterwards", async () => {
      const { starter, requeue, starts } = await open();
      expect(await starter.look(requeue(1))).toEqual({ before: "gone", next: "none" });
      await starter.nudge(requeue(1));
      expect(await starts(1)).toBe(1);
      expect((await starter.look(requeue(1))).next).not.toBe("none");
    });

    test("starts an attempt once, however often it is asked", async () => {
      const { starter, requeue, starts } = await open();
      await Promise.all([1, 2, 3].map(() => starter.nudge(requeue(1))));
      await starter.nudge(requeue(1));
      expect(await starts(1)).toBe(1);
    });

    test("shows the attempt before for as long as it runs", async () => {
      const { starter, requeue, runs, ends } = await open();
      await starter.nudge(requeue(1));
      await runs(1);
      expect((await starter.look(requeue(2))).before).toBe("there");
      await ends(1);
      await expect.poll(async () => (await starter.look(requeue(2))).before, slow).toBe("gone");
    });

    test("ends what is left of the attempt before, and nothing of the next", async () => {
      const { starter, requeue, runs, starts } = await open();
      await starter.nudge(requeue(1));
      await runs(1);
      // A target whose attempts wait at no gate is asked to start one only when the attempt before is gone.
      if (starter.isGated) await starter.nudge(requeue(2));
      await starter.fence(requeue(2));
      await expect.poll(async () => (await starter.look(requeue(2))).before, slow).not.toBe("there");
      if (!starter.isGated) await starter.nudge(requeue(2));
      expect(await starts(2)).toBe(1);
    });

    test("ends nothing twice, and nothing that is not there", async () => {
      const { starter, requeue, runs } = await open();
      await starter.fence(requeue(1));
      await starter.fence(requeue(2));
      await starter.nudge(requeue(1));
      await runs(1);
      await starter.fence(requeue(2));
      await starter.fence(requeue(2));
      await expect.poll(async () => (await starter.look(requeue(2))).before, slow).not.toBe("there");
    });

    test("takes away what was made for an attempt, and nothing else", async () => {
      const { starter, requeue, starts, runs, ends } = await open();
      await starter.nudge(requeue(1));
      await runs(1);
      if (!starter.isGated) await ends(1);
      await starter.nudge(requeue(2));
      expect(await starts(2)).toBe(1);
      await starter.withdraw(requeue(2));
      await starter.withdraw(requeue(2));
      expect([await starts(1), await starts(2)]).toEqual([1, 0]);
    });

    test("refuses for good when somebody else has taken the name", async () => {
      const { starter, requeue, takes } = await open();
      if (takes === undefined) return;
      await takes(1);
      await expect(starter.nudge(requeue(1))).rejects.toThrow(Refused);
    });
  });
}
