import { paceOf } from "../core/lease.ts";
import { isClaimed } from "../core/run.ts";
import { after, before, type Instant, milliseconds, type Span } from "../core/time.ts";
import type { Machines } from "../ports/machines.ts";
import type { Sighting } from "../ports/runs.ts";
import { noticeShared } from "../wire/own-events.ts";
import type { App } from "./app.ts";
import { attemptOf, watchedIn } from "./pods.ts";
import { lineExpiryOf } from "./retention.ts";
import { throwIfAny, visitAll } from "./visit-all.ts";

/** As many hosts as one request of EC2 takes. The next sweep asks about others. */
export const MOST_SUSPECTS = 200;

const AT_ONCE = 16;

/** When the next beat has to be there, which may take its whole timeout. */
function missedAt({ due, lease }: Sighting): Instant {
  const { interval, timeout } = paceOf(lease);
  return after(after(before(due, lease), interval), timeout);
}

/** Whether an attempt with an agent has missed a beat, while its lease goes on. */
export const isSuspect = (sighting: Sighting, now: Instant): boolean =>
  (sighting.state === "running" || sighting.state === "leaving") &&
  sighting.isWatched !== true &&
  missedAt(sighting) <= now &&
  sighting.due > now;

/** Where to ask about attempts that missed a beat. Without `machines` there is no cloud to ask. */
export type Asked = { readonly machines?: Machines | undefined; readonly period: Span };

/**
 * Looks up attempts that missed a beat: their machines, and their pods where they run as Jobs. Nobody waits for the answers.
 */
export async function lookUp(app: App, { machines, period }: Asked, suspects: readonly Sighting[]): Promise<void> {
  const now = app.clock.now();
  if (machines !== undefined) await askMachines(app, machines, suspects);
  // Each is listed once or twice, and not by each sweep of its lease: then its cluster knows.
  const fresh = suspects.filter((each) => missedAt(each) > before(now, milliseconds(2 * period)));
  const failures = await visitAll(fresh, AT_ONCE, (each) => listForCluster(app, each, now));
  for (const { one, error } of failures)
    app.log.write({ decision: "suspicion-failed", run: one.run, error: String(error) });
}

/** A suspect that runs as a Job is listed under its cluster, where the next look at the cluster finds it. */
async function listForCluster(app: App, { run, shard }: Sighting, now: Instant): Promise<void> {
  const target = (await app.specs.read(run, now))?.spec.target;
  if (target?.kind !== "job") return;
  const seen = await app.runs.read({ run, shard });
  if (seen === undefined || !isClaimed(seen)) return;
  await app.hosts.enter(watchedIn({ name: target.cluster }), { ...attemptOf(seen), at: now }, lineExpiryOf(app, now));
}

/**
 * Asks about the machines of attempts that missed a beat. One that has ended, or is about to, becomes a message in the
 * queue of notices, like an event of AWS, which may have been lost. A cloud that does not answer changes nothing, and is
 * said.
 */
async function askMachines(app: App, machines: Machines, suspects: readonly Sighting[]): Promise<void> {
  const hosts = [...new Set(suspects.map(({ host }) => host).filter((host) => host !== undefined))];
  if (hosts.length === 0) return;
  try {
    const told = await machines.ending(hosts, app.clock.now());
    const failures = await visitAll(told, AT_ONCE, ({ host, evidence }) =>
      app.notices.send(noticeShared(evidence, [host])),
    );
    throwIfAny(failures, told.length, "notices");
  } catch (error) {
    app.log.write({ decision: "machines-silent", error: String(error) });
  }
}
