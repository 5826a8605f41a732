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
export const MEMORY = {
  beat: 128,
  other: 256,
  /** A whole processor: when a zone is reclaimed, all of its runs have two minutes (docs/performance.md). It costs as much as less. */
  notice: 1769,
} as const;

/** Events that one invocation takes. Ten hosts of thirty runs are some seconds; five leave room for hosts of a hundred. */
export const NOTICE_BATCH = 5;
