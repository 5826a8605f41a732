import type { Evidence } from "../core/evidence.ts";
import type { Fence, LedgerEnd, Result } from "../core/run.ts";
import type { Registration } from "../core/spec.ts";
import type { Instant } from "../core/time.ts";
import type { Write } from "./runs.ts";

/** What was registered. Immutable but for its expiry. */
export type Specs = {
  /** Strongly consistent; an expired one is absent although it may not be deleted yet. */
  read(run: string, now: Instant): Promise<Registration | undefined>;
  /** Guard: absent or expired. */
  create(registration: Registration): Promise<Write>;
  /** Guard: still the one that was seen. For a registration that was never completed. */
  replace(seen: Registration, registration: Registration): Promise<Write>;
  /** From `at` on, to the second, the run id may be used again. Guard: still this registration. */
  expire(registration: Registration, at: Instant): Promise<Write>;
};

/** Who holds an attempt, and since when. */
export type LedgerClaim = {
  readonly attempt: number;
  readonly fence: Fence;
  readonly claimedAt: Instant;
  readonly holder: Readonly<Record<string, string>>;
};

/** One attempt as the ledger has it: its claim, its end, each as soon as it is known. */
export type LedgerLine = {
  readonly fence: Fence;
  readonly claim?: LedgerClaim;
  readonly end?: LedgerEnd & { readonly charge: string };
  /** What its runner has told of itself, by kind: the newest word of each, in no order. */
  readonly words?: readonly Evidence[];
  /** A success that came when it could not count any more. */
  readonly lateSuccessAt?: Instant;
};

/** The ledger: per attempt what happened to it. Fences tell the attempts of a re-used run id apart. */
export type Ledger = {
  claim(run: string, claim: LedgerClaim): Promise<void>;
  /** Guard: no end part yet, or one of an older rev: a slow writer never lands last. */
  end(run: string, end: LedgerEnd, charge: string, rev: number, expiry: Instant): Promise<Write>;
  /** Keeps a runner's word about its own attempt. Guard: the attempt was claimed, and has told no newer word of this kind. */
  hear(run: string, fence: Fence, word: Evidence): Promise<Write>;
  noteLateSuccess(run: string, fence: Fence, at: Instant): Promise<void>;
  /** Strongly consistent. */
  read(run: string, fence: Fence): Promise<LedgerLine | undefined>;
  /** In order of attempt, from that fence on. */
  list(run: string, from: Fence): Promise<readonly LedgerLine[]>;
};

/** What stays of ended runs. */
export type Results = {
  /** Strongly consistent; an expired one is absent. */
  read(run: string, now: Instant): Promise<Result | undefined>;
  /** Guard: absent, or of an older rev. */
  write(result: Result, expiry: Instant): Promise<Write>;
};

export type EndedRun = Pick<Result, "run" | "outcome" | "cause" | "attempt" | "fence" | "endedAt">;

/** Ended runs in order of time, for people. Best effort. */
export type EndedRuns = {
  /** Guard: absent, or of an older rev: a slow archiver never lands last. */
  add(ended: EndedRun, rev: number, expiry: Instant): Promise<Write>;
  /** The newest first, that ended before `cursor` (an opaque string) or now. Looks back over the hours since `since`. */
  list(
    now: Instant,
    since: Instant,
    limit: number,
    cursor?: string,
  ): Promise<{ runs: readonly EndedRun[]; cursor?: string }>;
};

/** Events that could not be understood, kept for people. */
export type Oddities = { keep(text: string, why: string, at: Instant, expiry: Instant): Promise<void> };
