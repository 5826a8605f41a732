import type { Evidence } from "../core/evidence.ts";
import { noticeShared } from "../wire/own-events.ts";
import type { App } from "./app.ts";
import { notice } from "./notice.ts";
import { throwIfAny, visitAll } from "./visit-all.ts";

/**
 * A host of 30 runs takes some 100 ms of processor time (docs/performance.md), so ten hosts are warned in a second or
 * two. An event that names more hosts is sent again in parts, which other Lambdas take at the same time.
 */
export const HOSTS_A_MESSAGE = 10;
const HOSTS_AT_ONCE = 5;
const PARTS_AT_ONCE = 16;

/** The same evidence about several hosts. */
type Told = { readonly evidence: Evidence; readonly hosts: readonly string[] };

/** A host that fails does not delay the others. The message fails at the end, and is delivered again. */
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
