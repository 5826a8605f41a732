import { type Cause, type Charges, chargeOf, count } from "./causes.ts";
import type { Spec } from "./spec.ts";
import { milliseconds, type Span } from "./time.ts";

/**
 * 2^30 x 1 ms is 12 days. Beyond that every backoff is at its maximum, and more doublings would only lose precision.
 */
const DOUBLINGS = 30;

/**
 * How long to wait before the next attempt: capped exponential backoff with full jitter (AWS Architecture Blog,
 * "Exponential Backoff And Jitter"). `roll` lies in [0, 1). The work is not at fault when capacity was lost, when an
 * owner requeued it or when we cut it off. Then there is no wait.
 */
export function backoff(spec: Spec, charges: Charges, cause: Cause, roll: number): Span {
  if (cause === "interrupted" || cause === "requeued" || cause === "cut-off") return milliseconds(0);
  const earlier = Math.max(0, count(charges, chargeOf(cause)) - 1);
  const cap = Math.min(spec.backoff.max, spec.backoff.base * 2 ** Math.min(earlier, DOUBLINGS));
  return milliseconds(roll * cap);
}
