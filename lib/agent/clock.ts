import { uptime } from "node:os";
import { type Instant, instant } from "../core/time.ts";

/**
 * The uptime sometimes comes in whole seconds. A lead up to this over the monotonic clock is rounding, not a suspend.
 */
const ROUNDING_MS = 1000;

/** Two clocks, in milliseconds, that no adjustment of the wall clock moves. */
export type Clocks = {
  /** Stands still while the machine is suspended. */
  readonly monotonic: () => number;
  /** Goes on during a suspend. */
  readonly uptime: () => number;
};

function machineUptime(): number {
  try {
    return uptime() * 1000;
  } catch {
    return 0; // a sandbox hides it, and only the monotonic clock is left
  }
}

const machine: Clocks = { monotonic: () => performance.now(), uptime: machineUptime };

/**
 * The agent's own clock: the time since its start, by the clock that shows more. A lease runs out on the server while
 * the machine sleeps, so the sleep counts. The clock never goes back.
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
