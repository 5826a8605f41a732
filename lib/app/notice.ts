import type { Decision } from "../core/decision.ts";
import { type Evidence, explains, isWithin, type Notice, SLACK } from "../core/evidence.ts";
import { type Fence, isHeld, type LedgerEnd, type Run, type RunKey } from "../core/run.ts";
import { before, type Instant } from "../core/time.ts";
import { decide } from "../core/transitions.ts";
import type { HostEntry } from "../ports/hosts.ts";
import { noticeContinued } from "../wire/notices.ts";
import type { App } from "./app.ts";
import { atOnce } from "./at-once.ts";
import { change, putBack } from "./change.ts";
import { endOf } from "./finish.ts";
import { attemptName } from "./known.ts";
import { reap } from "./reap.ts";
import { expiryOf } from "./retention.ts";
import { registrationOf, settle } from "./settle.ts";

/** A host carries tens of attempts at once, hundreds in the time that its entries are kept. What is older waits its turn. */
const ENTRIES_A_MESSAGE = 200;
/** Each is about six requests of 5 ms. */
const AT_ONCE = 16;
/** Where an entry stands among those of its host. */
type EntryPlace = Pick<HostEntry, "run" | "fence" | "at">;

/** How many attempts a notice has concerned, by what it did to them. */
export type NoticeCounts = Readonly<Record<"left" | "reaped" | "refunded" | "noted", number>>;

/**
 * A word about a host. The evidence is written before the entries are listed, and a claim writes its entry before it reads
 * the evidence: at least one of the two sees the other. The entries down to `seenUpTo` were seen to already.
 */
export async function notice(app: App, told: Notice, seenUpTo?: EntryPlace): Promise<NoticeCounts> {
  const { host, evidence } = told;
  await app.hosts.record(host, evidence, expiryOf(app, app.clock.now()));
  const entries = (await app.hosts.entries(host))
    .filter(({ at }) => before(at, SLACK) <= evidence.at)
    .sort(newestFirst)
    .filter((entry) => seenUpTo === undefined || newestFirst(seenUpTo, entry) < 0);
  const counts = { left: 0, reaped: 0, refunded: 0, noted: 0 };
  await atOnce(entries.slice(0, ENTRIES_A_MESSAGE), AT_ONCE, async (entry) => {
    counts[await noticeOne(app, told, entry)] += 1;
  });
  const last = entries[ENTRIES_A_MESSAGE - 1];
  if (entries.length > ENTRIES_A_MESSAGE && last !== undefined) await app.notices.send(noticeContinued(told, last));
  app.log.write({ decision: "noticed", state: evidence.kind, counts });
  return counts;
}

/** The newest claim first; claims of one millisecond by name, so that a message of their own can go on after any of them. */
function newestFirst(one: EntryPlace, other: EntryPlace): number {
  if (one.at !== other.at) return other.at - one.at;
  const [left, right] = [attemptName(one), attemptName(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** What the notice does to one attempt that stands or stood on the host. */
async function noticeOne(
  app: App,
  { host, evidence, deadline }: Notice,
  entry: HostEntry,
): Promise<keyof NoticeCounts> {
  if (
    evidence.goneAt !== undefined &&
    (await reap(app, entry, { host, evidence, fence: entry.fence })).kind === "reaped"
  )
    return "reaped";
  const run = await app.runs.read(entry);
  const isOver = run === undefined || run.fence > entry.fence;
  if (!isOver) {
    const isClaimedHere = isHeld(run) && run.host === host;
    if (run.fence !== entry.fence || !(isClaimedHere || run.state === "queued")) return "noted";
    const told = await tell(app, run, evidence, deadline);
    if (told !== "over") return told; // else it has ended meanwhile, by a verdict that had not seen this evidence yet
  }
  return explains(evidence) ? refund(app, host, evidence, entry) : "noted";
}

/**
 * Tells one attempt, which the run item places on the host, and carries on what an earlier delivery has left open. `over`:
 * it has ended meanwhile.
 */
async function tell(app: App, seen: Run, evidence: Evidence, deadline?: Instant): Promise<"left" | "noted" | "over"> {
  const now = app.clock.now();
  const registration = await registrationOf(app, seen);
  const reply = await change(
    app,
    seen,
    (run) => {
      if (run.fence !== seen.fence) return { write: "none", reply: { kind: "ended" } };
      return decide(run, { kind: "notice", now, evidence, registration, ...(deadline !== undefined && { deadline }) });
    },
    async () => ({ kind: "ended" }),
  );
  if (reply.kind === "ended") return "over";
  const isOpen = (await app.runs.read(seen))?.debt?.owes === "handover";
  if (isOpen) await settle(app, seen);
  return reply.kind === "left" ? "left" : "noted";
}

/**
 * A runner tells of itself: only its own attempt is concerned, whatever else stands on its host. When a verdict was faster,
 * its charge moves.
 */
export async function noticeOfRunner(
  app: App,
  key: RunKey & { readonly fence: Fence },
  evidence: Evidence,
  deadline?: Instant,
): Promise<keyof NoticeCounts> {
  const run = await app.runs.read(key);
  const own: Evidence = { ...evidence, only: attemptName(key) };
  const isCurrent = run !== undefined && isHeld(run) && run.fence === key.fence;
  const host = isCurrent ? run.host : (await app.ledger.read(key.run, key.fence))?.end?.host;
  if (host !== undefined) await app.hosts.record(host, own, expiryOf(app, app.clock.now()));
  const told = isCurrent ? await tell(app, run, own, deadline) : "over";
  if (told !== "over") return told;
  return host !== undefined && explains(own) ? refund(app, host, own, { ...key, at: own.at }) : "noted";
}

/**
 * Evidence that explains an attempt which was declared lost already: its charge moves. There is always one place to write
 * to: an item that was archived and deleted is put back first.
 */
async function refund(app: App, host: string, evidence: Evidence, entry: HostEntry): Promise<"refunded" | "noted"> {
  const now = app.clock.now();
  const refundable = async (run: Run): Promise<LedgerEnd | undefined> => {
    const line = await endOfAttempt(app, run, entry.fence);
    if (line?.host !== host || line.claimedAt === undefined) return undefined;
    return isWithin(evidence.at, line.claimedAt, line.endedAt) ? line : undefined;
  };
  const decideOn = async (run: Run): Promise<Decision> => {
    const line = await refundable(run);
    if (line === undefined) return { write: "none", reply: { kind: "noted" } };
    return decide(run, { kind: "refund", now, evidence, line });
  };
  const reply = await change(app, entry, decideOn, () => putBack(app, entry, decideOn, now, { kind: "noted" }));
  return reply.kind === "refunded" ? "refunded" : "noted";
}

/** How an attempt ended: as the open debt has it, or else as the ledger does. */
async function endOfAttempt(app: App, run: Run, fence: Fence): Promise<LedgerEnd | undefined> {
  const owed = run.debt?.ledger;
  if (owed?.fence === fence) return owed;
  const written = (await app.ledger.read(run.run, fence))?.end;
  return written === undefined ? undefined : endOf(written);
}
