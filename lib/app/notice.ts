import type { Decision } from "../core/decision.ts";
import { drains, type Evidence, evidenceOf, explains, type Notice, SLACK } from "../core/evidence.ts";
import { type Fence, isClaimed, type LedgerEnd, type Run, type RunKey } from "../core/run.ts";
import { after, before } from "../core/time.ts";
import { decide } from "../core/transitions.ts";
import type { HostEntry } from "../ports/hosts.ts";
import { noticeContinued } from "../wire/own-events.ts";
import type { App } from "./app.ts";
import { change, putBack } from "./change.ts";
import { endOf } from "./finish.ts";
import { reap } from "./reap.ts";
import { registrationOf, settle } from "./settle.ts";
import { throwIfAny, visitAll } from "./visit-all.ts";

/** A host carries tens of attempts at once. Entries beyond this go into further messages, which other Lambdas take. */
const ENTRIES_A_MESSAGE = 200;
/** Each entry takes about six requests of 5 ms. */
const AT_ONCE = 16;
/** The place of an entry among those of its host. */
type EntryPlace = Pick<HostEntry, "run" | "fence" | "at">;
/** One attempt of a run. */
export type Attempt = RunKey & { readonly fence: Fence };

/** How many attempts a notice has concerned, by its effect on them. */
export type NoticeCounts = Readonly<Record<"leaving" | "reaped" | "refunded" | "noted", number>>;

/**
 * Evidence about a host. It is written before the entries are listed, and a claim writes its entry before it reads the
 * evidence. So at least one of the two sees the other. With `seenUpTo` this is a part of an earlier notice, and begins
 * after that entry. An attempt that fails does not delay the others. The whole notice fails at the end, and is
 * delivered again.
 */
export async function notice(app: App, told: Notice, seenUpTo?: EntryPlace): Promise<NoticeCounts> {
  const { host } = told;
  // A message that comes late or again acts on what is known now: its evidence may have been withdrawn or moved.
  const evidence = await app.hosts.record(host, evidenceOf(told), app.clock.now(), app.retention);
  const counts = { leaving: 0, reaped: 0, refunded: 0, noted: 0 };
  const isAnything = drains(evidence) || explains(evidence) || evidence.goneAt !== undefined;
  if (isAnything) await tellAll(app, { host, evidence }, seenUpTo, counts);
  app.log.write({ decision: "noticed", state: evidence.kind, counts });
  return counts;
}

async function tellAll(
  app: App,
  told: Notice,
  seenUpTo: EntryPlace | undefined,
  counts: Record<keyof NoticeCounts, number>,
): Promise<void> {
  const entries = (await app.hosts.entries(told.host, before(told.evidence.at, SLACK)))
    .filter((entry) => isConcerned(entry, told.evidence))
    .sort(newestFirst)
    .filter((entry) => seenUpTo === undefined || newestFirst(seenUpTo, entry) < 0);
  const rest = seenUpTo === undefined ? partsAfter(entries) : [];
  const unsent = await visitAll(rest, AT_ONCE, (last) => app.notices.send(noticeContinued(told, last)));
  const failed = await visitAll(entries.slice(0, ENTRIES_A_MESSAGE), AT_ONCE, async (entry) => {
    counts[await noticeOne(app, told, entry)] += 1;
  });
  throwIfAny([...unsent, ...failed], entries.length, "attempts of a notice");
}

/** Whether the evidence can be about this attempt, by its time on the host. */
const isConcerned = ({ at, endedBy }: HostEntry, evidence: Evidence): boolean =>
  before(at, SLACK) <= evidence.at && (endedBy === undefined || evidence.at <= after(endedBy, SLACK));

/** The last entry before each further part. */
const partsAfter = (entries: readonly HostEntry[]): readonly HostEntry[] =>
  entries.filter((_, index) => (index + 1) % ENTRIES_A_MESSAGE === 0 && index + 1 < entries.length);

/**
 * The newest claim first. Claims of one millisecond are sorted by name, so that a further message can go on after any
 * of them.
 */
function newestFirst(one: EntryPlace, other: EntryPlace): number {
  if (one.at !== other.at) return other.at - one.at;
  const [left, right] = [nameOf(one), nameOf(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

const nameOf = ({ run, fence }: EntryPlace): string => `${run}.${fence}`;

/** What the notice does to one attempt that is or was on the host. */
async function noticeOne(app: App, { host, evidence }: Notice, entry: HostEntry): Promise<keyof NoticeCounts> {
  if (evidence.goneAt !== undefined) {
    const reply = await reap(app, entry, { host, evidence, fence: entry.fence });
    if (reply.kind === "reaped") return "reaped";
  }
  const told = await tellAttempt(app, entry, evidence, host);
  const became = told === "over" && explains(evidence) ? await refundAttempt(app, entry, evidence, host) : told;
  // A claim that was held here has opened on another host, or nowhere. No attempt with this fence will ever be on this
  // host.
  if (became === "elsewhere") await app.hosts.leave(host, entry);
  return became === "leaving" || became === "refunded" ? became : "noted";
}

/**
 * Tells one attempt, and completes what an earlier delivery has left open. `over`: the attempt has ended, perhaps by a
 * verdict that had not seen this evidence. `elsewhere`: it is on another host. Without `host`, the evidence is the
 * runner's own.
 */
export async function tellAttempt(
  app: App,
  entry: Attempt,
  evidence: Evidence,
  host?: string,
): Promise<"leaving" | "noted" | "over" | "elsewhere"> {
  const { fence } = entry;
  const seen = await app.runs.read(entry);
  if (seen === undefined || seen.fence > fence) return "over";
  if (seen.fence < fence || !(isClaimed(seen) || seen.state === "queued")) return "noted";
  if (host !== undefined && isClaimed(seen) && seen.host !== host) return "elsewhere";
  const now = app.clock.now();
  const registration = await registrationOf(app, seen);
  const { reply } = await change(
    app,
    entry,
    (run) => {
      if (run.fence !== fence) return { write: "none", reply: { kind: "ended" } };
      const word = { kind: "notice", now, fence, evidence, registration } as const;
      return decide(run, host === undefined ? word : { ...word, host });
    },
    async () => ({ kind: "ended" }),
  );
  if (reply.kind === "ended") return "over";
  const isOpen = (await app.runs.read(entry))?.debt?.owes === "handover";
  if (isOpen) await settle(app, entry);
  return reply.kind === "leaving" ? "leaving" : "noted";
}

/**
 * Evidence that explains the end of an attempt: its charge moves. There is always one place to write to, because an
 * item that was archived and deleted is put back first.
 */
export async function refundAttempt(
  app: App,
  entry: Attempt,
  evidence: Evidence,
  host?: string,
): Promise<"refunded" | "noted" | "elsewhere"> {
  const now = app.clock.now();
  const registration = await app.specs.read(entry.run, now);
  if (registration === undefined) return "noted";
  let isElsewhere = false;
  const decideOn = async (run: Run): Promise<Decision> => {
    const line = await endOfAttempt(app, run, entry.fence);
    isElsewhere = host !== undefined && line !== undefined && line.host !== host;
    if (line === undefined) return { write: "none", reply: { kind: "noted" } };
    const late = { kind: "refund", now, evidence, line, registration } as const;
    return decide(run, host === undefined ? late : { ...late, host });
  };
  const { reply } = await change(app, entry, decideOn, () => putBack(app, entry, decideOn, now, { kind: "noted" }));
  if (reply.kind === "refunded") return "refunded";
  return isElsewhere ? "elsewhere" : "noted";
}

/** How an attempt ended, from the open debt or else from the ledger. */
async function endOfAttempt(app: App, run: Run, fence: Fence): Promise<LedgerEnd | undefined> {
  const owed = run.debt?.ledger;
  if (owed?.fence === fence) return owed;
  const written = (await app.ledger.read(run.run, fence))?.end;
  return written === undefined ? undefined : endOf(written);
}
