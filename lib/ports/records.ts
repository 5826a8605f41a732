import type { Evidence } from "../core/evidence.ts";
import type { Fence, LedgerEnd, Result } from "../core/run.ts";
import type { Registration } from "../core/spec.ts";
import type { Instant } from "../core/time.ts";
import type { Write } from "./runs.ts";

/** What was registered. It is immutable, except for its expiry. */
export type Specs = {
  /** Strongly consistent. An expired one counts as absent, although it may not be deleted yet. */
  read(run: string, now: Instant): Promise<Registration | undefined>;
  /** Guard: absent or expired. */
  create(registration: Registration): Promise<Write>;
  /** Guard: still the registration that was seen. It replaces a registration that was never completed. */
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

/** One attempt in the ledger: its claim and its end, each as soon as it is known. */
export type LedgerLine = {
  readonly fence: Fence;
  readonly claim?: LedgerClaim;
  readonly end?: LedgerEnd & { readonly charge: string };
  /** What its runner or its target has told about it: the newest evidence of each kind, in no order. */
  readonly words?: readonly Evidence[];
  /** When a success came that was too late to count. */
  readonly lateSuccessAt?: Instant;
};

/** The ledger: what happened to each attempt. Fences tell apart the attempts of a run id that is used again. */
export type Ledger = {
  claim(run: string, claim: LedgerClaim): Promise<void>;
  /** Guard: there is no end part yet, or one of an older rev. So a slow writer never lands last. */
  end(run: string, end: LedgerEnd, charge: string, rev: number, expiry: Instant): Promise<Write>;
  /**
   * Keeps a runner's evidence about its own attempt. Guard: the attempt was claimed, and has no newer evidence of this
   * kind.
   */
  hear(run: string, fence: Fence, word: Evidence): Promise<Write>;
  /**
   * Keeps why an attempt that nobody has claimed could not be started, or not yet. Guard: no newer reason of this kind is
   * known. A line that is made for it goes at `expiry`.
   */
  refuse(run: string, fence: Fence, word: Evidence, expiry: Instant): Promise<Write>;
  noteLateSuccess(run: string, fence: Fence, at: Instant): Promise<void>;
  /** Strongly consistent. */
  read(run: string, fence: Fence): Promise<LedgerLine | undefined>;
  /** In order of attempt, from the fence `from` on. */
  list(run: string, from: Fence): Promise<readonly LedgerLine[]>;
};

/** What remains of ended runs. */
export type Results = {
  /** Strongly consistent. An expired one counts as absent. */
  read(run: string, now: Instant): Promise<Result | undefined>;
  /** Guard: absent, or of an older rev. */
  write(result: Result, expiry: Instant): Promise<Write>;
};

export type EndedRun = Pick<Result, "run" | "outcome" | "cause" | "attempt" | "fence" | "endedAt">;

/** Ended runs in order of time, for people. They are kept on a best-effort basis. */
export type EndedRuns = {
  /** Guard: absent, or of an older rev. So a slow archiver never lands last. */
  add(ended: EndedRun, rev: number, expiry: Instant): Promise<Write>;
  /** The runs that ended before `cursor` (an opaque string) or now, back to `since`; the newest first. */
  list(
    now: Instant,
    since: Instant,
    limit: number,
    cursor?: string,
  ): Promise<{ runs: readonly EndedRun[]; cursor?: string }>;
};

/** Events that no parser understood, kept for people. */
export type Oddities = { keep(text: string, why: string, at: Instant, expiry: Instant): Promise<void> };
