import { readUnits } from "./dynamodb-units.ts";

/**
 * The billed units of an operation. test/cost/units.test.ts runs each operation on the adapters, counts the requests
 * that leave the client, and compares.
 */
export type Units = {
  /** Requests at the front door. Each is also one invocation. */
  readonly requests: number;
  /** DynamoDB write request units: 1 per KB of the item. All our items are smaller than 1 KB. */
  readonly writes: number;
  /** DynamoDB read request units: 1 for a strongly consistent read of up to 4 KB, found or not; 0.5 for any other. */
  readonly reads: number;
  /** Requests to SQS. */
  readonly sqs: number;
};

/** `renewing` in lib/adapters/aws/renew.ts: one UpdateItem, whose guard needs no read before it. */
export const BEAT: Units = { requests: 1, writes: 1, reads: 0, sqs: 0 };

/** A beat that is refused or comes twice. A write that its guard refuses costs the same, and returns the item. */
export const REFUSED_BEAT: Units = { ...BEAT };

/** The same if there is no item, as for the canary's run: one more read confirms the absence. */
export const BEAT_OF_NOBODY: Units = { ...BEAT, reads: 1 };

/** Recording a canary's beat that got through: `canarySang` in lib/adapters/aws/control.ts. */
export const CANARY_WORD: Units = { requests: 0, writes: 1, reads: 0, sqs: 0 };

/**
 * lib/app/register.ts. Writes: spec, run item. Reads: number of shards (0.5), result of an earlier life of the id, run
 * item.
 */
export const REGISTER: Units = { requests: 1, writes: 2, reads: 2.5, sqs: 0 };

/**
 * lib/app/claim.ts. Writes: host entry, run item, ledger line. Reads: spec, run item, evidence about the host. A runner that
 * names no host saves a write and a read.
 */
export const CLAIM: Units = { requests: 1, writes: 3, reads: 3, sqs: 0 };

/**
 * lib/app/finish.ts and lib/app/settle.ts, for a success. Writes: run item twice (decision, debt cleared), ledger line,
 * host entry, result, entry among the ended runs, TTL of the spec. Reads: spec and run item, twice.
 */
export const FINISH: Units = { requests: 1, writes: 7, reads: 4, sqs: 0 };

/**
 * lib/app/reap.ts, for a loss and the backoff after it: two verdicts by two sweeps (lost, then queued again). Writes:
 * run item four times, ledger line, two host entries, and the start of the sweep, once in each sweep that judges by the
 * clock. Reads: run item and spec, each twice per verdict; evidence about the host; the ledger line, for its runner's
 * words and for the message; the freeze. One message. If one sweep finds several losses, only the first pays for the
 * start and the freeze.
 */
export const LOSS: Units = { requests: 0, writes: 8, reads: 12, sqs: 1 };

/** `removeEnded` in lib/app/sweep.ts, a minute after the end: it reads the run item and deletes it. */
export const REMOVAL: Units = { requests: 0, writes: 1, reads: 1, sqs: 0 };

/**
 * A sweep without its pass and its verdicts: `standing` in lib/adapters/aws/control.ts is one eventually consistent
 * read.
 */
export const SWEEP: Units = { requests: 0, writes: 0, reads: 0.5, sqs: 0 };

/** Sweeps that find nothing due are recorded once a minute: SIGN_OF_LIFE in lib/app/sweep-restraint.ts. */
export const SIGN_OF_LIFE: Units = { requests: 0, writes: 1, reads: 0, sqs: 0 };

/**
 * Bytes that DynamoDB stores in addition to each item (developer guide, "Item sizes and formats"; the indexing
 * overhead).
 */
const STORED_BESIDE = 100;

/** The largest usual run item; test/contract/cost.test.ts checks it. */
export const RUN_ITEM_BYTES = 128;

/** The storage of a run item. */
export const RUN_BYTES = RUN_ITEM_BYTES + STORED_BESIDE;

/**
 * What is kept of each run for 30 days (RETENTION in lib/app/retention.ts): spec, result, entry in the list of ended
 * runs.
 */
export const KEPT_PER_RUN_BYTES = 850 + 3 * STORED_BESIDE;

/** The host entry of each attempt whose end nobody reported, kept for 15 days (LATEST_WORD in lib/app/settle.ts). */
export const TRACE_BYTES = 200 + STORED_BESIDE;

/** The ledger line of each attempt, kept for 395 days (lineExpiryOf in lib/app/retention.ts). */
export const LINE_BYTES = 550 + STORED_BESIDE;

/** How long these are kept, in days, as lib/app/retention.ts and lib/app/settle.ts say. */
export const KEPT_DAYS = 30;
export const LINE_KEPT_DAYS = 395;
export const TRACE_KEPT_DAYS = 15;

/** Runs in one page of a sweep, as in lib/app/sweep-reading.ts. */
export const PAGE = 1000;
/** The requests and the RRU for reading all runs once. */
export type Pass = { readonly pages: number; readonly reads: number };

/** One pass over all runs, if they are spread evenly over the shards. After a full page the sweep asks for another. */
export function passOver(runs: number, shards: number): Pass {
  const inShard = runs / shards;
  const full = Math.floor(inShard / PAGE);
  const unitsOf = (items: number): number => readUnits(items * RUN_ITEM_BYTES, false);
  return {
    pages: shards * (full + 1),
    reads: shards * (full * unitsOf(PAGE) + unitsOf(inShard - full * PAGE)),
  };
}

/**
 * Beats per second for which a shard is planned; one partition accepts 1,000 writes a second
 * (lib/adapters/aws/control.ts).
 */
const BEATS_PER_SHARD = 250;
/** The interval between two beats of the default lease: paceOf in lib/core/lease.ts. A longer lease has a longer one. */
const INTERVAL_SECONDS = 30;

/** The number of shards of a deployment for this many runs. */
export const shardsFor = (runs: number): number => Math.max(1, Math.ceil(runs / INTERVAL_SECONDS / BEATS_PER_SHARD));
