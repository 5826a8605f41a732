import type { Stay } from "./evidence.ts";
import type { HeldRun, LedgerEnd } from "./run.ts";
import { after, before, type Instant, later, type Span } from "./time.ts";

/** A lease is as long as its last beat made it. One that was never renewed was last heard of at its claim. */
export const heardAt = ({ due, lease }: { readonly due: Instant; readonly lease: Span }): Instant => before(due, lease);

/** The time of an attempt that is held, as far as it is known by then. */
export const stayOf = (run: HeldRun, by: Instant): Stay => ({
  claimedAt: run.claimedAt,
  lastBeatAt: heardAt(run),
  endedBy: by,
});

/**
 * The time of an attempt that has ended; undefined for one that was never claimed. Where nobody reported the end it lies
 * anywhere in the lease, however early a proof of death has found it.
 */
export function stayOfEnd({ claimedAt, lastBeatAt, endedAt, report }: LedgerEnd, lease: Span): Stay | undefined {
  if (claimedAt === undefined || lastBeatAt === undefined) return undefined;
  const endedBy = report === undefined ? later(endedAt, after(lastBeatAt, lease)) : endedAt;
  return { claimedAt, lastBeatAt, endedBy };
}
