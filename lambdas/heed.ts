import type { App } from "../lib/app/app.ts";
import { HOSTS_A_MESSAGE, noticeHosts, shareOut } from "../lib/app/host-notices.ts";
import { notice } from "../lib/app/notice.ts";
import { expiryOf } from "../lib/app/retention.ts";
import { heedRunner } from "../lib/app/runner-notice.ts";
import { parseEvent } from "../lib/evidence/aws/parse.ts";
import type { Parsed } from "../lib/evidence/aws/parsed.ts";
import { continuedOf, ownMessage, sharedOf } from "../lib/wire/own-events.ts";

/** Handles one message of the notice queue. An event that is not understood is kept for people, and changes nothing. */
export async function heed(app: App, body: string): Promise<void> {
  const event = jsonOf(body);
  const own = ownMessage(event);
  if (own?.["detail-type"] === "Lastbeat Attempt Notice") return heedRunner(app, own.id, own.detail);
  if (own?.["detail-type"] === "Lastbeat Notice Continued") {
    const { notice: told, seenUpTo } = continuedOf(own.detail);
    await notice(app, told, seenUpTo);
    return;
  }
  if (own?.["detail-type"] === "Lastbeat Notice Shared") return noticeHosts(app, sharedOf(own.detail));
  const now = app.clock.now();
  const parsed = parseEvent(event, now);
  const odd = oddityOf(parsed);
  if (odd !== undefined) {
    app.log.write({ decision: "not-understood", error: odd });
    await app.oddities.keep(body, odd, now, expiryOf(app, now));
  }
  const [first] = parsed.kind === "notices" ? parsed.notices : [];
  if (parsed.kind !== "notices" || first === undefined) return;
  // All hosts of an event get the same evidence.
  const told = { evidence: first.evidence, hosts: parsed.notices.map(({ host }) => host) };
  await (told.hosts.length > HOSTS_A_MESSAGE ? shareOut(app, told) : noticeHosts(app, told));
}

/** Why an event is kept for people; undefined if all of it was understood. */
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
