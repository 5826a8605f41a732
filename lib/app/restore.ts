import { isPast, restored } from "../core/restoring.ts";
import type { Run } from "../core/run.ts";
import type { Instant } from "../core/time.ts";
import type { App } from "./app.ts";
import { payLedger, registrationOf } from "./settle.ts";
import { visitAll } from "./visit-all.ts";

/** `done`: runs that were given another attempt. `left`: live runs that were not reached, or that kept changing. */
export type Restored = { readonly done: number; readonly left: number };

const PAGE = 100;
/** Each run takes two requests. As many are made at once as in a sweep. */
const AT_ONCE = 32;

/**
 * Gives another attempt, with a fence that no attempt has had, to every live run of a table that was restored to an
 * earlier state. `at`: when the table was restored. It is the same for each repetition, so what is done is not done
 * again. No page is begun after `until`.
 */
export async function restore(app: App, at: Instant, until: Instant): Promise<Restored> {
  let done = 0;
  let left = 0;
  const { shards } = await app.control.standing();
  const renew = async (run: Run): Promise<void> => {
    if (run.state === "ended" || isPast(run, at)) return;
    const registration = await registrationOf(app, run);
    await payLedger(app, run);
    if ((await app.runs.replace(run, restored(run, registration, at))) === "written") done += 1;
    else left += 1;
  };
  for (let shard = 0; shard < shards; shard += 1) {
    let cursor: string | undefined;
    do {
      if (app.clock.now() >= until) return { done, left: left + 1 };
      const page = await app.runs.list(shard, PAGE, cursor);
      const failures = await visitAll(page.runs, AT_ONCE, renew, () => app.clock.now() < until);
      for (const { one, error } of failures)
        app.log.write({ decision: "restore-failed", run: one.run, error: String(error) });
      left += failures.length;
      cursor = page.cursor;
    } while (cursor !== undefined);
  }
  app.log.write({ decision: "restored", counts: { done, left } });
  return { done, left };
}
