/** In seconds. The queues' visibility follows from them. */
export const TIMEOUTS = {
  /** Two tries of a second each, and the keys. */
  beat: 10,
  /** Some ten requests, each of two tries at most. */
  runner: 25,
  owner: 25,
  /** Until the next minute's ticks come; what is left then is found again. */
  sweep: 60,
  /** Short, because a notice that failed comes again after six times that, and a spot instance has two minutes. */
  notice: 10,
  ticker: 10,
  /** Three beats of 5 s, and the pauses between them. */
  canary: 40,
  rotate: 30,
} as const;

/** In MB. lib/cost counts with them, and a test compares. */
export const MEMORY = { beat: 128, other: 256 } as const;
