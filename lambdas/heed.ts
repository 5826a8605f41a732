import type { App } from "../lib/app/app.ts";
import { notice, noticeOfRunner } from "../lib/app/notice.ts";
import { expiryOf } from "../lib/app/retention.ts";
import { throwIfAny, visitAll } from "../lib/app/visit-all.ts";
import { parseEvent } from "../lib/aws/notices/parse.ts";
import type { Parsed } from "../lib/aws/notices/parsed.ts";
import { type Evidence, RUNNER } from "../lib/core/evidence.ts";
import { fence as fenceOf } from "../lib/core/run.ts";
import { fromIso } from "../lib/wire/instants.ts";
import { type AttemptNotice, continuedOf, ownMessage } from "../lib/wire/notices.ts";

/** Hundreds of hosts may be in a message, a few at once: a host that carries nothing of ours is three requests. */
const HOSTS_AT_ONCE = 5;

const KINDS = { sigterm: "sigterm", spot: "spot-interruption", rebalance: "rebalance" } as const;

/**
 * A runner's word: about its own attempt; and where runners are trusted to speak for their host, and AWS takes that, about
 * whatever stands there. The message says where the runner stood, because its own attempt may have ended by now.
 */
async function ofRunner(app: App, id: string, told: AttemptNotice): Promise<void> {
  const { run, shard, kind, at, host, deadline } = told;
  const evidence: Evidence = {
    id,
    source: RUNNER,
    kind: KINDS[kind],
    at: fromIso(at),
    ...(deadline !== undefined && { deadline: fromIso(deadline) }),
  };
  const parts: (() => Promise<unknown>)[] = [
    () => noticeOfRunner(app, { run, shard, fence: fenceOf(told.fence) }, evidence),
  ];
  if (app.trustRunners === true && kind !== "sigterm" && host !== undefined)
    parts.push(() => notice(app, { host, evidence }));
  const failures = await visitAll(parts, 1, async (part) => void (await part()));
  throwIfAny(failures, parts.length, "parts of a runner's word");
}

/** Heeds one message of the notice queue. What cannot be understood is kept for people, and changes nothing. */
export async function heed(app: App, body: string): Promise<void> {
  const event = jsonOf(body);
  const own = ownMessage(event);
  if (own?.["detail-type"] === "Lastbeat Attempt Notice") return ofRunner(app, own.id, own.detail);
  if (own?.["detail-type"] === "Lastbeat Notice Continued") {
    const { notice: told, seenUpTo } = continuedOf(own.detail);
    await notice(app, told, seenUpTo);
    return;
  }
  const now = app.clock.now();
  const parsed = parseEvent(event, now);
  const odd = oddityOf(parsed);
  if (odd !== undefined) {
    app.log.write({ decision: "not-understood", error: odd });
    await app.oddities.keep(body, odd, now, expiryOf(app, now));
  }
  if (parsed.kind !== "notices") return;
  const failures = await visitAll(parsed.notices, HOSTS_AT_ONCE, async (one) => {
    await notice(app, one);
  });
  throwIfAny(failures, parsed.notices.length, "hosts of an event");
}

/** Why an event is kept for people; undefined when all of it was understood. */
function oddityOf(parsed: Parsed): string | undefined {
  if (parsed.kind === "unknown") return parsed.why;
  if (parsed.kind === "ignored" || parsed.surplus === undefined) return undefined;
  return `${parsed.surplus} more hosts than one event may name`;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
