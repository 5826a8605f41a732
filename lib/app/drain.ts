import { after, seconds } from "../core/time.ts";
import { iso } from "../wire/instants.ts";
import { hostDrain } from "../wire/own-events.ts";
import type { App } from "./app.ts";
import { contentDigest } from "./content-digest.ts";

/** One id for all drains of a host, because a controller that repeats its request says nothing new. */
const drainId = (host: string): string => `drain-${contentDigest({ host })}`;

/**
 * An operator takes a host out of service. The request goes through the queue, like every notice. The answer is how
 * many attempts are on the host now, as far as is known.
 */
export async function drain(
  app: App,
  host: string,
  asked: { deadlineSeconds?: number; reason?: string },
): Promise<number> {
  const now = app.clock.now();
  const { deadlineSeconds, reason } = asked;
  const entries = await app.hosts.entries(host, now);
  await app.notices.send(
    hostDrain(drainId(host), iso(now), {
      host,
      ...(deadlineSeconds !== undefined && { deadline: iso(after(now, seconds(deadlineSeconds))) }),
      ...(reason !== undefined && { reason }),
    }),
  );
  return entries.filter(({ endedBy }) => endedBy === undefined).length;
}
