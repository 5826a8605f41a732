import { asFence } from "../core/run.ts";
import { seconds } from "../core/time.ts";
import type { Claims } from "../wire/credentials.ts";
import type { App } from "./app.ts";
import { sign } from "./credentials.ts";

/**
 * A run that never was: no registration makes an attempt 0 with fence 0. Its beat is refused at the very end of the way that
 * every beat goes: by the front door, the Lambda, the key and the guard of a write.
 */
const NOBODY: Claims = { run: "lastbeat-canary", shard: 0, attempt: 0, fence: asFence(0), lease: seconds(120) };

/** Of so many beats, so many have to fail: one that fails may be chance. */
const BEATS = 3;
const FAILURES = 2;

/** Sends a beat with that token through the public front door; whether the answer was the one that the table gives. */
export type Probe = (run: string, token: string) => Promise<boolean>;

/**
 * Beats as a runner would. When 2 of 3 beats do not get through, the fault is ours and no runner's, and that is remembered:
 * verdicts by the clock alone freeze. What gets through is remembered too: where few hosts are heard, verdicts rest on it.
 * `pause` lies between two beats.
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
    // A first beat that gets through is enough, so a canary costs one beat as long as all is well.
    if (failures === 0 || failures === FAILURES) break;
  }
  const failed = failures >= FAILURES;
  app.log.write({ decision: failed ? "canary-failed" : "canary-sang", beats: sent });
  if (failed) await app.control.canaryFailed(app.clock.now());
  else await app.control.canarySang(app.clock.now(), failures === 0);
  return { failed };
}
