/** Timeouts in seconds. The visibility timeouts of the queues follow from them. */
export const TIMEOUTS = {
  /** Two tries of a second each, and reading the keys. */
  beat: 10,
  /** About ten requests, each with at most two tries. */
  runner: 25,
  owner: 25,
  /** Until the ticks of the next minute come. The next sweep finds what is left. */
  sweep: 60,
  /** Short, because a failed notice comes again after six times this time, and a spot instance has two minutes. */
  notice: 10,
  ticker: 10,
  /** Three beats of 5 s, and the pauses between them. */
  canary: 40,
  rotate: 30,
  /** Until the ticks of the next minute come. */
  watch: 60,
  /** A few calls to an API server, each of at most 5 s; or one to a webhook, of at most 10 s, and its secret before it. */
  dispatch: 30,
} as const;

/** Memory in MB. lib/cost uses the same numbers, and a test compares them. */
export const MEMORY = {
  beat: 128,
  other: 256,
  /**
   * A whole CPU: when a zone is reclaimed, all of its runs have two minutes (docs/performance.md). Less memory costs
   * the same.
   */
  notice: 1769,
} as const;

/**
 * The most events of one invocation. Ten hosts with thirty runs take some seconds; five leave room for hosts with a
 * hundred.
 */
export const NOTICE_BATCH = 5;
