import { type Action, type Heart, type Input, newHeart, step, wakeAt } from "../../lib/agent/heart.ts";
import type { Own } from "../../lib/agent/heart-types.ts";
import { type Instant, instant, type Span } from "../../lib/core/time.ts";

/** What happened to a heart: when it started, with what, and each input with its time and its dice. */
export type Played = {
  readonly lease: Span;
  readonly own: Own;
  readonly start: number;
  readonly inputs: readonly { readonly now: Instant; readonly roll: number; readonly input: Input }[];
};

/**
 * The same, and what the heart does at each: the actions, the phase that it is in then, and when it wants to be woken. An agent in any
 * language has to do the same; how it keeps its state is its own business. Times are whole milliseconds by the agent's clock.
 */
export type Vector = {
  readonly lease: Span;
  readonly own: Own;
  readonly start: number;
  readonly steps: readonly {
    readonly now: Instant;
    readonly roll: number;
    readonly input: Input;
    readonly actions: readonly Action[];
    readonly phase: Heart["phase"];
    readonly wakeAt?: Instant;
  }[];
};

export function vectorOf({ lease, own, start, inputs }: Played): Vector {
  let heart = newHeart(lease, instant(start), own);
  const steps = inputs.map(({ now, roll, input }) => {
    const next = step(heart, input, now, roll);
    heart = next.heart;
    const wake = wakeAt(heart);
    return { now, roll, input, actions: next.actions, phase: heart.phase, ...(wake !== undefined && { wakeAt: wake }) };
  });
  return { lease, own, start, steps };
}
