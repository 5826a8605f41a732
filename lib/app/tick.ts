import { after, type Instant, instant, milliseconds, type Span, seconds } from "../core/time.ts";
import type { Ticks } from "../ports/queues.ts";

/**
 * The ticks of this minute begin here. A rule fires seconds late, and the ticks of the rule before cover half a minute
 * of that.
 */
const FROM = seconds(30);
/** They end here, a minute later, where the ticks of the next rule begin. */
const TO = seconds(90);

/** The instants of the wall-clock grid in [now + 30 s, now + 90 s). */
function grid(now: Instant, period: Span): readonly Instant[] {
  const first = Math.ceil(after(now, FROM) / period);
  const end = after(now, TO);
  const ticks: Instant[] = [];
  for (let count = first; count * period < end; count += 1) ticks.push(instant(count * period));
  return ticks;
}

/**
 * Queues a tick for each sweep of the coming minute. The rule may fire twice, but two ticks for one instant are
 * harmless. A sweep never queues its own successor, because AWS stops such loops after about 16 hops.
 */
export async function tick(ticks: Ticks, now: Instant, period: Span, firedAt: Instant = now): Promise<number> {
  const upcoming = grid(firedAt, period).filter((at) => at >= now);
  await ticks.send(upcoming.map((at) => ({ tick: { at }, delay: milliseconds(at - now) })));
  return upcoming.length;
}
