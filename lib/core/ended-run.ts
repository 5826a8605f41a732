import type { Ended, Result } from "./run.ts";
import { after, type Instant, seconds } from "./time.ts";

/**
 * How long the item of an ended run stays after its debt was cleared. This is far above the limit of any Lambda here
 * (30 s). So a slow writer still finds the item, and its guard is stale; it never finds an empty place.
 */
export const LINGER = seconds(60);

/**
 * An ended run that was archived and deleted is put back, so that there is one place to write to. It cannot be claimed. Its `rev` is above
 * that of the item that was deleted, which had one more than its result: a repeated delete of that item must not find this one.
 */
export const reopen = (result: Result, now: Instant): Ended => ({
  ...result,
  state: "ended",
  rev: result.rev + 2,
  due: after(now, LINGER),
  debt: { since: now, owes: "archive" },
});

/** An ended run without its debt. Its item is deleted after `LINGER`. */
export function lingering({ debt: _, ...run }: Ended, now: Instant): Ended {
  return { ...run, rev: run.rev + 1, due: after(now, LINGER) };
}
