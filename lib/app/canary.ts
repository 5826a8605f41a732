import { asFence } from "../core/run.ts";
import { seconds } from "../core/time.ts";
import type { Claims } from "../wire/credentials.ts";
import type { App } from "./app.ts";
import { sign } from "./credentials.ts";

/**
 * A run that does not exist: no registration ever makes an attempt 0 with fence 0. Its beat goes the whole way of a
 * real beat: front door, Lambda, key, and the guard of a write. Only that guard refuses it.
 */
const NOBODY: Claims = { run: "lastbeat-canary", shard: 0, attempt: 0, fence: asFence(0), lease: seconds(120) };

/** Two of three beats have to fail, because one failure may be chance. */
const BEATS = 3;
const FAILURES = 2;

/**
 * Sends a beat with this token through the public front door. Returns whether the answer was the one that the table
 * gives.
 */
export type Probe = (run: string, token: string) => Promise<boolean>;

/**
 * Sends beats as a runner would. If 2 of 3 beats do not get through, the fault is ours and not a runner's. That is
 * remembered, and verdicts by the clock alone freeze. A beat that gets through is remembered, too: where few hosts are
 * heard, verdicts rest on it. `pause` waits between two beats.
 */
export async function canary(
  app: Pick<App, "clock" | "keys" | "control" | "log">,
  probe: Probe,
  pause: () => Promise<void>,
): Promise<{ readonly failed: boolean }> {
  const token = await sign(app, "token", NOBODY);
  let failures = 0;
  let sent = 0;
  while (sent < BEATS) {
    if (sent > 0) await pause();
    sent += 1;
    if (!(await probe(NOBODY.run, token))) failures += 1;
    // A first beat that gets through is enough, so a canary costs one beat while all is well.
    if (failures === 0 || failures === FAILURES) break;
  }
  const failed = failures >= FAILURES;
  app.log.write({ decision: failed ? "canary-failed" : "canary-sang", beats: sent });
  if (failed) await app.control.canaryFailed(app.clock.now());
  else await app.control.canarySang(app.clock.now(), failures === 0);
  return { failed };
}
