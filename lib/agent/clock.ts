import { uptime } from "node:os";
import { type Instant, instant } from "../core/time.ts";

/** The uptime comes in whole seconds in places: a smaller lead over the monotonic clock is rounding, not a suspend. */
const ROUNDING_MS = 1000;

/** Two clocks that no adjustment of the wall clock moves, in milliseconds. */
export type Clocks = {
  /** Stands still while the machine is suspended. */
  readonly monotonic: () => number;
  /** Runs on through a suspend. */
  readonly uptime: () => number;
};

function machineUptime(): number {
  try {
    return uptime() * 1000;
  } catch {
    return 0; // a sandbox that hides it; the monotonic clock is all there is then
  }
}

const machine: Clocks = { monotonic: () => performance.now(), uptime: machineUptime };

/**
 * The agent's own clock: the time that has passed since now, by whichever of the two clocks says more. A lease runs out
 * on the server while the machine sleeps, so the sleep counts. It never goes back.
 */
export function elapsed(clocks: Clocks = machine): () => Instant {
  const start = { monotonic: clocks.monotonic(), uptime: clocks.uptime() };
  let slept = 0;
  return () => {
    const passed = clocks.monotonic() - start.monotonic;
    const lead = clocks.uptime() - start.uptime - passed;
    if (lead > ROUNDING_MS) slept = Math.max(slept, lead);
    return instant(passed + slept);
  };
}
