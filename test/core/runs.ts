import type { Beat } from "../../lib/core/beating.ts";
import type { Claim } from "../../lib/core/claiming.ts";
import type { Decision } from "../../lib/core/decision.ts";
import type { Evidence, EvidenceKind } from "../../lib/core/evidence.ts";
import type { Finish } from "../../lib/core/finishing.ts";
import { renewal } from "../../lib/core/lease.ts";
import type { Noticed } from "../../lib/core/noticing.ts";
import type { Due } from "../../lib/core/reaping.ts";
import type { Refund } from "../../lib/core/refunding.ts";
import {
  asFence,
  type Canceling,
  type Ended,
  type Fence,
  type Leaving,
  type LedgerEnd,
  type Queued,
  type Report,
  type Run,
  type Running,
  type Waiting,
} from "../../lib/core/run.ts";
import { DEFAULTS, type Registration, type Spec } from "../../lib/core/spec.ts";
import { type Instant, instant, seconds } from "../../lib/core/time.ts";

/** An instant on the day of these runs: `at("12:00:30")` or `at("12:00:30.250")`. */
export const at = (clock: string): Instant => instant(Date.parse(`2026-11-22T${clock}Z`));

/** The Unix second of 2026-11-22T12:00:00Z, when these runs are registered. */
export const REGISTERED = 1_795_348_800;

/** The fence of an attempt of these runs, counted from 1. */
export const fenceOf = (attempt: number): Fence => asFence(REGISTERED + attempt - 1);

/** The attempt that follows these charges, with its fence. */
export const following = (charges: string): { attempt: number; fence: Fence; charges: string } => ({
  attempt: charges.length + 1,
  fence: fenceOf(charges.length + 1),
  charges,
});

export const HOLDER = "0123456789abcdef0123456789abcdef";
export const OTHER_HOLDER = "fedcba9876543210fedcba9876543210";

/** A spec with the defaults of the design, but for what a test is about. */
export const spec = (own: Partial<Spec> = {}): Spec => ({ ...DEFAULTS, ...own });

/** A registration at 12:00:00. */
export const registered = (own: Partial<Spec> = {}): Registration => ({
  run: "etl",
  shard: 0,
  fence: fenceOf(1),
  registeredAt: at("12:00:00"),
  hash: "spec-hash",
  spec: spec(own),
});

type Own<R> = Partial<Omit<R, "state">>;

const LIVE = {
  run: "etl",
  shard: 0,
  fence: fenceOf(1),
  rev: REGISTERED,
  attempt: 1,
  lease: seconds(120),
  charges: "",
} as const;

const HELD = { ...LIVE, holder: HOLDER, claimedAt: at("12:01:00"), due: at("12:03:00") } as const;

/** Queued at 12:00:00, to be claimed by 12:15:00. */
export const queued = (own: Own<Queued> = {}): Queued => ({ ...LIVE, due: at("12:15:00"), ...own, state: "queued" });

/** Attempt 1 crashed at 12:10:00; attempt 2 waits until 12:10:15. */
export const waiting = (own: Own<Waiting> = {}): Waiting => ({
  ...LIVE,
  ...following("c"),
  due: at("12:10:15"),
  ...own,
  state: "waiting",
});

/** Claimed at 12:01:00, leased until 12:03:00. */
export const running = (own: Own<Running> = {}): Running => ({ ...HELD, ...own, state: "running" });

/** As running, and told to drain. */
export const leaving = (own: Own<Leaving> = {}): Leaving => ({
  ...HELD,
  directive: "drain",
  ...own,
  state: "leaving",
});

/** Its owner asked at 12:02:00 for another attempt: it has to stop, free of charge. */
export const released = (own: Own<Leaving> = {}): Leaving =>
  leaving({ directive: "stop", isFree: true, lastRenewable: at("12:02:00"), reason: "requeued", ...own });

/** Canceled at 12:02:00 while it was held. */
export const canceling = (own: Own<Canceling> = {}): Canceling => ({
  ...HELD,
  lastRenewable: at("12:02:00"),
  reason: "canceled",
  ...own,
  state: "canceling",
});

/** Declared lost at 12:03:00, its last loss. */
export const ended = (own: Own<Ended> = {}): Ended => ({
  ...LIVE,
  fence: fenceOf(2),
  charges: "l",
  outcome: "exhausted",
  cause: "lost",
  endedByAttempt: 1,
  endedAt: at("12:03:00"),
  due: at("12:04:00"),
  ...own,
  state: "ended",
});

/** The ledger line of an attempt that was declared lost at 12:03:00. */
export const lostLine = (own: Partial<LedgerEnd> = {}): LedgerEnd => ({
  attempt: 1,
  fence: fenceOf(1),
  cause: "lost",
  endedAt: at("12:03:00"),
  evidence: [],
  claimedAt: at("12:01:00"),
  lastBeatAt: at("12:01:00"),
  holder: HOLDER,
  ...own,
});

/** What was told about a host. */
export const evidence = (kind: EvidenceKind, when: Instant, own: Partial<Evidence> = {}): Evidence => ({
  id: `${kind}-1`,
  source: "aws.ec2",
  kind,
  at: when,
  ...own,
});

/** Proof that a host was gone from that instant on. */
export const proof = (goneAt: Instant, own: Partial<Evidence> = {}): Evidence =>
  evidence("terminated", goneAt, { goneAt, ...own });

/** A notice about the host of the attempt, or about the attempt itself. */
export const noticed = (now: Instant, told: Evidence, own: Partial<Noticed> = {}): Noticed => ({
  kind: "notice",
  now,
  fence: fenceOf(1),
  evidence: told,
  registration: registered(),
  ...own,
});

/** Evidence that came after the verdict on attempt 1. */
export const refunding = (now: Instant, own: Partial<Refund> = {}): Refund => ({
  kind: "refund",
  now,
  evidence: evidence("evicted", at("12:02:00")),
  registration: registered(),
  line: lostLine(),
  ...own,
});

export const claim = (now: Instant, own: Partial<Claim> = {}): Claim => ({
  kind: "claim",
  fence: fenceOf(1),
  holder: HOLDER,
  now,
  registration: registered(),
  evidence: [],
  ...own,
});

/** A beat of the attempt with that fence, for a lease of 120 s. */
export const beating = (now: Instant, of: Fence = fenceOf(1)): Beat => ({
  kind: "beat",
  renewal: renewal(of, now, seconds(120)),
});

/** A finish of attempt 1; its body hash is the text of its report. */
export const finishing = (now: Instant, report: Report, own: Partial<Finish> = {}): Finish => ({
  kind: "finish",
  attempt: 1,
  fence: fenceOf(1),
  report,
  reportHash: JSON.stringify(report),
  now,
  roll: 0.5,
  registration: registered(),
  evidence: [],
  ...own,
});

export const SUCCEEDED: Report = { outcome: "succeeded", exitCode: 0 };
export const CRASHED: Report = { outcome: "failed", exitCode: 1 };

/** The sweep finds the run due. */
export const due = (now: Instant, own: Partial<Due> = {}): Due => ({
  kind: "due",
  now,
  roll: 0.5,
  registration: registered(),
  evidence: [],
  ...own,
});

/** The run as a decision has written it. */
export function written(decision: Decision): Run {
  if (decision.write !== "replace") throw new Error(`the decision wrote ${decision.write}, not the item`);
  return decision.next;
}
