import type { Evidence } from "../core/evidence.ts";
import { noticeShared } from "../wire/own-events.ts";
import type { App } from "./app.ts";
import { notice } from "./notice.ts";
import { throwIfAny, visitAll } from "./visit-all.ts";

/**
 * A host of 30 runs takes some 100 ms of a processor (docs/performance.md), so ten are warned in a second or two. An event that names
 * more goes out again in parts, which other Lambdas take at the same time.
 */
export const HOSTS_A_MESSAGE = 10;
const HOSTS_AT_ONCE = 5;
const PARTS_AT_ONCE = 16;

/** What is said of some hosts at once. */
type Told = { readonly evidence: Evidence; readonly hosts: readonly string[] };

/** A host that fails keeps no other waiting; the message fails at the end, and comes again. */
export async function noticeHosts(app: App, { evidence, hosts }: Told): Promise<void> {
  const failures = await visitAll(hosts, HOSTS_AT_ONCE, async (host) => void (await notice(app, { host, evidence })));
  throwIfAny(failures, hosts.length, "hosts of an event");
}

export async function shareOut(app: App, { evidence, hosts }: Told): Promise<void> {
  const parts = Array.from({ length: Math.ceil(hosts.length / HOSTS_A_MESSAGE) }, (_, part) =>
    hosts.slice(part * HOSTS_A_MESSAGE, (part + 1) * HOSTS_A_MESSAGE),
  );
  const failures = await visitAll(parts, PARTS_AT_ONCE, (part) => app.notices.send(noticeShared(evidence, part)));
  throwIfAny(failures, parts.length, "parts of an event");
}
