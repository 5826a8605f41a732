import { asFence, type LedgerEnd, type Queued, type Running } from "../../lib/core/run.ts";
import { type Instant, instant, seconds } from "../../lib/core/time.ts";
import type { EndedRun } from "../../lib/ports/records.ts";

/** That time on the day of all literal examples. */
export const at = (time: string): Instant =>
  instant(Date.parse(`2026-11-22T${time.padEnd(12, time.length === 8 ? ".000" : "0")}Z`));

export const FENCE = asFence(1_795_348_800);

const kept = { shard: 2, fence: FENCE, rev: 1_795_348_801, attempt: 1, lease: seconds(120), charges: "" };

/** A run as it is registered. */
export const queued = (run: string): Queued => ({ ...kept, run, state: "queued", due: at("12:15:00") });

/** The same, claimed at 12:00:00 on an EC2 instance. */
export const running = (run: string): Running => ({
  ...kept,
  run,
  state: "running",
  due: at("12:02:00"),
  holder: "00112233445566778899aabbccddeeff",
  host: "i-0123456789abcdef0",
  claimedAt: at("12:00:00"),
});

/** The end part of its ledger line. */
export const lost: LedgerEnd = {
  attempt: 1,
  fence: FENCE,
  cause: "lost",
  endedAt: at("12:02:10"),
  evidence: [],
  claimedAt: at("12:00:00"),
  lastBeatAt: at("12:00:00"),
  holder: "00112233445566778899aabbccddeeff",
  host: "i-0123456789abcdef0",
};

/** The run as a list of ended runs has it. */
export const ended = (run: string, endedAt: Instant): EndedRun => ({
  run,
  outcome: "succeeded",
  cause: "succeeded",
  attempt: 1,
  fence: FENCE,
  endedAt,
});

/** A property writes and reads a store over HTTP some hundred times, so it gets more time. */
export const LONG = { timeout: 30_000 };
