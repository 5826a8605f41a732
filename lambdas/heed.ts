import type { App } from "../lib/app/app.ts";
import { notice, noticeOfRunner } from "../lib/app/notice.ts";
import { expiryOf } from "../lib/app/retention.ts";
import { throwIfAny, visitAll } from "../lib/app/visit-all.ts";
import type { Evidence } from "../lib/core/evidence.ts";
import { fence as fenceOf } from "../lib/core/run.ts";
import { parseEvent } from "../lib/intake/aws/parse.ts";
import type { Parsed } from "../lib/intake/aws/parsed.ts";
import {
  type AttemptNotice,
  continuedOf,
  noticeShared,
  ownMessage,
  runnersWord,
  sharedOf,
} from "../lib/wire/notices.ts";

/**
 * A host of 30 runs takes some 100 ms of a processor (docs/performance.md), so ten are warned in a second or two. An event that names
 * more goes out again in parts, which other Lambdas take at the same time.
 */
const HOSTS_A_MESSAGE = 10;
const HOSTS_AT_ONCE = 5;
const PARTS_AT_ONCE = 16;

/**
 * A runner's word: about its own attempt; and where runners are trusted to speak for their host, and AWS takes that, about
 * whatever stands there. The message says where the runner stood, because its own attempt may have ended by now.
 */
async function ofRunner(app: App, id: string, told: AttemptNotice): Promise<void> {
  const { run, shard, kind, host } = told;
  const evidence = runnersWord(id, told);
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
  if (own?.["detail-type"] === "Lastbeat Notice Shared") return tellAll(app, sharedOf(own.detail));
  const now = app.clock.now();
  const parsed = parseEvent(event, now);
  const odd = oddityOf(parsed);
  if (odd !== undefined) {
    app.log.write({ decision: "not-understood", error: odd });
    await app.oddities.keep(body, odd, now, expiryOf(app, now));
  }
  const [first] = parsed.kind === "notices" ? parsed.notices : [];
  if (parsed.kind !== "notices" || first === undefined) return;
  // All hosts of an event are told the same.
  const told = { evidence: first.evidence, hosts: parsed.notices.map(({ host }) => host) };
  await (told.hosts.length > HOSTS_A_MESSAGE ? share(app, told) : tellAll(app, told));
}

type Told = { readonly evidence: Evidence; readonly hosts: readonly string[] };

/** A host that fails keeps no other waiting; the message fails at the end, and comes again. */
async function tellAll(app: App, { evidence, hosts }: Told): Promise<void> {
  const failures = await visitAll(hosts, HOSTS_AT_ONCE, async (host) => void (await notice(app, { host, evidence })));
  throwIfAny(failures, hosts.length, "hosts of an event");
}

async function share(app: App, { evidence, hosts }: Told): Promise<void> {
  const parts = Array.from({ length: Math.ceil(hosts.length / HOSTS_A_MESSAGE) }, (_, part) =>
    hosts.slice(part * HOSTS_A_MESSAGE, (part + 1) * HOSTS_A_MESSAGE),
  );
  const failures = await visitAll(parts, PARTS_AT_ONCE, (part) => app.notices.send(noticeShared(evidence, part)));
  throwIfAny(failures, parts.length, "parts of an event");
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
