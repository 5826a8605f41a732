import { type Refusal, superseded } from "../core/decision.ts";
import { type Evidence, explains } from "../core/evidence.ts";
import { asFence, isHeld } from "../core/run.ts";
import { after, earlier, type Instant, later, seconds } from "../core/time.ts";
import type { Claims } from "../wire/credentials.ts";
import { fromIso, iso } from "../wire/instants.ts";
import { type AttemptNotice, attemptNotice, type RunnerNotice, runnersWord } from "../wire/own-events.ts";
import type { App } from "./app.ts";
import { contentDigest } from "./content-digest.ts";
import { type Attempt, type NoticeCounts, notice, refundAttempt, tellAttempt } from "./notice.ts";
import { throwIfAny, visitAll } from "./visit-all.ts";

/** Agents ask the metadata every 5 s. Who tells more often than that says nothing new, and costs others their turn. */
const TOLD_AGAIN = seconds(5);

/** A runner's clock that differs from ours by more is not believed. Half of the slack that every event is given. */
const CLOCK_OFF = seconds(30);

/** The longest warning of AWS, that of a capacity block. */
const LONGEST_WARNING = seconds(600);

const clamped = (deadline: Instant, now: Instant): Instant =>
  later(earlier(deadline, after(now, LONGEST_WARNING)), now);

/** The same for a runner's word: one of each kind about its attempt, of which the newest counts. */
const wordId = ({ run, fence }: Claims, kind: string): string => `runner-${contentDigest({ run, fence, kind })}`;

/**
 * A runner tells what it was told, as far as its clock and its deadline can be believed. A refusal when its attempt is over;
 * nothing is sent then, nor for what it has told before.
 */
export async function forwardNotice(app: App, token: Claims, told: RunnerNotice): Promise<Refusal | undefined> {
  const { run: id, shard, fence } = token;
  const run = await app.runs.read(token);
  if (run === undefined || run.state === "ended") return { kind: "ended" };
  if (run.fence !== fence) return superseded(run);
  const now = app.clock.now();
  const { kind } = told;
  const saidAt = fromIso(told.at);
  const at = Math.abs(saidAt - now) > CLOCK_OFF ? now : saidAt; // by a clock that is wrong it would concern no attempt at all
  const deadline = told.deadline === undefined ? undefined : clamped(fromIso(told.deadline), now);
  const word = { kind, at: iso(at), ...(deadline !== undefined && { deadline: iso(deadline) }) };
  const wid = wordId(token, kind);
  const last = ((await app.ledger.read(id, fence))?.words ?? []).find((each) => each.id === wid);
  if (last !== undefined && (at < after(last.at, TOLD_AGAIN) || deadline === last.deadline)) return undefined;
  const host = isHeld(run) ? run.host : undefined;
  const about = { run: id, shard, fence, ...(host !== undefined && { host }) };
  await app.notices.send(attemptNotice(wid, iso(now), { ...about, ...word }));
  // Written down here too: who tells a thousand words at once is not to fill the queue before the first is heeded.
  await app.ledger.hear(id, fence, runnersWord(wid, word));
  return undefined;
}

/**
 * A runner's word: about its own attempt; and where runners are trusted to speak for their host, and AWS takes that, about
 * all attempts there. The message says where the runner stood, because its own attempt may have ended meanwhile.
 */
export async function heedRunner(app: App, id: string, told: AttemptNotice): Promise<void> {
  const { run, shard, kind, host } = told;
  const evidence = runnersWord(id, told);
  const parts: (() => Promise<unknown>)[] = [
    () => noticeOfRunner(app, { run, shard, fence: asFence(told.fence) }, evidence),
  ];
  if (app.trustRunners === true && kind !== "sigterm" && host !== undefined)
    parts.push(() => notice(app, { host, evidence }));
  const failures = await visitAll(parts, 1, async (part) => void (await part()));
  throwIfAny(failures, parts.length, "parts of a runner's word");
}

/**
 * A runner tells of itself: only its own attempt is concerned, whatever else stands on its host. When a verdict was faster,
 * its charge moves. The word is kept with the attempt's ledger line, where a verdict looks for it.
 */
export async function noticeOfRunner(app: App, attempt: Attempt, word: Evidence): Promise<keyof NoticeCounts> {
  const { run, fence } = attempt;
  await app.ledger.hear(run, fence, word);
  const became = await tellAttempt(app, attempt, word);
  if (became !== "over") return became === "leaving" ? "leaving" : "noted";
  return explains(word) && (await refundAttempt(app, attempt, word)) === "refunded" ? "refunded" : "noted";
}
