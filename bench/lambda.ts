/** AWS: with 1,769 MB a function has the equivalent of one processor, and with less memory a share of it. */
const WHOLE_PROCESSOR_MB = 1769;

/** Lambda reads a queue with five batches at once, and adds 300 instances a minute as long as messages wait. */
const FIRST_AT_ONCE = 5;
const MORE_A_SECOND = 5;

/** Assumed: a core of Graviton is slower than the measured one by this factor. */
const SLOWER = 1.5;

/** From the event to its invocation, at p99: EventBridge to SQS 387 ms, SQS to Lambda 105 ms (bench/page.ts). */
const DELIVERY_MS = 387 + 105;

export type Work = {
  /** Processor time of a full batch on this machine, in ms: in a process that has just started, and in a warm one. */
  readonly coldMs: number;
  readonly warmMs: number;
  /** How long its requests take, with as many at once as the code sends. */
  readonly waitMs: number;
};

export type Served = {
  /** When the last message was done, in seconds since the first one was sent. */
  readonly lastS: number;
  /** The longest invocation, in seconds. */
  readonly longestS: number;
  readonly atOnce: number;
};

/** A queue before a Lambda with that memory, in virtual time. `messages` are sent evenly over `overMs`. */
export function served(messages: number, overMs: number, batch: number, memoryMb: number, work: Work): Served {
  const share = Math.min(1, memoryMb / WHOLE_PROCESSOR_MB) / SLOWER;
  const arrivals = Array.from({ length: messages }, (_, n) => DELIVERY_MS + (n * overMs) / messages);
  const freeAt: number[] = []; // of each instance that has started
  let [now, longest] = [DELIVERY_MS, 0];
  while (arrivals.length > 0) {
    const waiting = arrivals.filter((at) => at <= now).length;
    const busy = freeAt.filter((at) => at > now).length;
    const limit = FIRST_AT_ONCE + Math.floor((MORE_A_SECOND * (now - DELIVERY_MS)) / 1000);
    if (waiting === 0 || busy >= limit) {
      now += 1;
      continue;
    }
    const taken = arrivals.splice(0, Math.min(batch, waiting)).length;
    const idle = freeAt.findIndex((at) => at <= now);
    const cpu = ((idle < 0 ? work.coldMs : work.warmMs) * taken) / batch;
    const took = cpu / share + work.waitMs;
    longest = Math.max(longest, took);
    if (idle < 0) freeAt.push(now + took);
    else freeAt[idle] = now + took;
  }
  return { lastS: Math.max(...freeAt) / 1000, longestS: longest / 1000, atOnce: freeAt.length };
}
