import type { Instant } from "../time.ts";

/**
 * What a fact points to.
 *
 * - `alive`: it runs, or it waits to run; nothing has ended.
 * - `succeeded`: the work is done.
 * - `reclaimed`: somebody took the capacity: a spot reclaim, an eviction, a preemption, a scale-in, a node shutdown.
 * - `platform`: the node, the kubelet, the runtime or the registry failed.
 * - `deadline`, `limit`: the work ran into a time or a quota that its user has set.
 * - `memory`: the kernel killed it at its memory limit.
 * - `unstartable`: it cannot start as it is described: image, configuration, command.
 * - `failed`: the work itself ended badly.
 * - `killed`: it was stopped from outside, or vanished, and the fact does not say by whom.
 */
export type Points =
  | "alive"
  | "succeeded"
  | "reclaimed"
  | "platform"
  | "deadline"
  | "limit"
  | "memory"
  | "unstartable"
  | "failed"
  | "killed";

/** One fact, and what it points to. */
export type Clue = {
  readonly points: Points;
  /** Where the fact stands, such as `pod.status.reason`. */
  readonly where: string;
  /** The fact in its own words. */
  readonly text: string;
  readonly at?: Instant;
  /** It only suggests: others may have decided otherwise. Absent for a fact that states what happened. */
  readonly isHint?: true;
  /** It is the end of a process, and no word of the component that ended it. */
  readonly isExit?: true;
  /** It is about the node, which carries other pods too: it says nothing about one pod that is known to have ended well. */
  readonly isOfNode?: true;
  /** It was written down up to a minute after it began, as by a kubelet that shuts its node down. */
  readonly isLate?: true;
  /** The node of the pod does not answer: the pod may run, and may not. */
  readonly isSilent?: true;
};

export const clue = (points: Points, where: string, text: string, at?: Instant): Clue => ({
  points,
  where,
  text,
  ...(at !== undefined && { at }),
});

export const hint = (points: Points, where: string, text: string, at?: Instant): Clue => ({
  ...clue(points, where, text, at),
  isHint: true,
});

/** The same clues, as clues about the node of a pod. */
export const ofNode = (clues: readonly Clue[]): readonly Clue[] => clues.map((each) => ({ ...each, isOfNode: true }));

/** A text of several parts, without those that are absent. */
export const told = (...parts: readonly (string | number | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part !== "").join(": ");
