import type { Stay } from "./evidence.ts";
import type { ClaimedRun, LedgerEnd } from "./run.ts";
import { after, before, type Instant, later, type Span } from "./time.ts";

/**
 * When the attempt was last heard: one lease before its due time. One that was never renewed was last heard at its
 * claim.
 */
export const heardAt = ({ due, lease }: { readonly due: Instant; readonly lease: Span }): Instant => before(due, lease);

/** The time of a held attempt on its host, if it has ended at `by` at the latest. */
export const stayOf = (run: ClaimedRun, by: Instant): Stay => ({
  claimedAt: run.claimedAt,
  lastBeatAt: heardAt(run),
  endedBy: by,
});

/**
 * The time of an ended attempt on its host; undefined if it was never claimed. If nobody reported the end, it may lie
 * anywhere in the lease, however early a proof of death came.
 */
export function stayOfEnd({ claimedAt, lastBeatAt, endedAt, report }: LedgerEnd, lease: Span): Stay | undefined {
  if (claimedAt === undefined || lastBeatAt === undefined) return undefined;
  const endedBy = report === undefined ? later(endedAt, after(lastBeatAt, lease)) : endedAt;
  return { claimedAt, lastBeatAt, endedBy };
}
