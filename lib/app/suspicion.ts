import { paceOf } from "../core/lease.ts";
import { isClaimed } from "../core/run.ts";
import { after, before, type Instant } from "../core/time.ts";
import type { Machines } from "../ports/machines.ts";
import type { Sighting } from "../ports/runs.ts";
import { noticeShared } from "../wire/own-events.ts";
import type { App } from "./app.ts";
import { shuffled } from "./fairness.ts";
import { attemptOf, watchedIn } from "./pods.ts";
import { throwIfAny, visitAll } from "./visit-all.ts";

/** 100 kB of sightings. If more miss a beat at once, the fault is rarely theirs, and each sweep takes others. */
export const MOST_SUSPECTS = 1000;

/** Each is two or three requests of 5 ms. */
const AT_ONCE = 16;

/** What a process remembers of suspects: those that were listed for their clusters, and what was told of which machine. */
export type Suspected = { readonly listed: Set<string>; readonly told: Map<string, string> };

export const nothingSuspected = (): Suspected => ({ listed: new Set(), told: new Map() });

/** Where to ask. Without `machines` there is no cloud. */
export type Asking = { readonly machines?: Machines | undefined; readonly suspected: Suspected };

/** When the next beat has to be there, which may take its whole timeout. */
function missedAt({ due, lease }: Pick<Sighting, "due" | "lease">): Instant {
  const { interval, timeout } = paceOf(lease);
  return after(after(before(due, lease), interval), timeout);
}

type Suspectable = Pick<Sighting, "state" | "due" | "lease" | "isWatched">;

/** Whether an attempt with an agent has missed a beat, while its lease goes on. */
export const isSuspect = (seen: Suspectable, now: Instant): boolean =>
  (seen.state === "running" || seen.state === "leaving") &&
  seen.isWatched !== true &&
  missedAt(seen) <= now &&
  seen.due > now;

/**
 * Looks up attempts that missed a beat: their machines, and their pods where they run as Jobs. A place that does not answer
 * changes nothing, and is said. The next sweep goes on where this one has to end.
 */
export async function lookUp(
  app: App,
  { machines, suspected }: Asking,
  suspects: readonly Sighting[],
  goesOn: () => boolean,
): Promise<void> {
  forget(suspected, suspects);
  const fresh = suspects.filter((each) => !suspected.listed.has(named(each)));
  const failures = await visitAll(
    fresh,
    AT_ONCE,
    async (each) => {
      await listForCluster(app, each);
      suspected.listed.add(named(each));
    },
    goesOn,
  );
  for (const { one, error } of failures)
    app.log.write({ decision: "suspicion-failed", run: one.run, error: String(error) });
  if (machines !== undefined && goesOn()) await askMachines(app, machines, suspected.told, suspects, goesOn);
}

/** One missed beat of one attempt: the next one that it misses is another one. */
const named = ({ run, due }: Sighting): string => `${run} ${due}`;

const hostsOf = (suspects: readonly Sighting[]): ReadonlySet<string> =>
  new Set(suspects.map(({ host }) => host).filter((host) => host !== undefined));

/** What is not suspected any more is forgotten. */
function forget({ listed, told }: Suspected, suspects: readonly Sighting[]): void {
  const names = new Set(suspects.map(named));
  const hosts = hostsOf(suspects);
  for (const name of listed) if (!names.has(name)) listed.delete(name);
  for (const host of told.keys()) if (!hosts.has(host)) told.delete(host);
}

/** A suspect that runs as a Job is listed under its cluster until its lease is over. The next look at the cluster finds it. */
async function listForCluster(app: App, { run, shard }: Sighting): Promise<void> {
  const now = app.clock.now();
  const target = (await app.specs.read(run, now))?.spec.target;
  if (target?.kind !== "job") return;
  const seen = await app.runs.read({ run, shard });
  if (seen === undefined || !isClaimed(seen) || !isSuspect(seen, now)) return;
  const entry = { ...attemptOf(seen), at: now };
  await app.hosts.enter(watchedIn({ name: target.cluster }), entry, after(seen.due, seen.lease));
}

/**
 * Asks about the machines. One that has ended, or is about to, becomes a message in the queue of notices, like an event of
 * AWS, which may have been lost. An announced end is sent once by each process, and a proved one by each sweep, until its
 * attempts are over.
 */
async function askMachines(
  app: App,
  machines: Machines,
  told: Map<string, string>,
  suspects: readonly Sighting[],
  goesOn: () => boolean,
): Promise<void> {
  // EC2 takes 200 at once: each sweep asks about others.
  const hosts = shuffled(app.dice.roll, [...hostsOf(suspects)]);
  if (hosts.length === 0) return;
  try {
    const notices = await machines.ending(hosts, app.clock.now());
    const news = notices.filter(
      ({ host, evidence }) => evidence.goneAt !== undefined || told.get(host) !== evidence.id,
    );
    const failures = await visitAll(
      news,
      AT_ONCE,
      async ({ host, evidence }) => {
        await app.notices.send(noticeShared(evidence, [host]));
        told.set(host, evidence.id);
      },
      goesOn,
    );
    throwIfAny(failures, news.length, "notices");
  } catch (error) {
    app.log.write({ decision: "machines-silent", error: String(error) });
  }
}
