import { type Refusal, superseded } from "../core/decision.ts";
import { type Evidence, explains } from "../core/evidence.ts";
import { asFence, isClaimed } from "../core/run.ts";
import { after, earlier, type Instant, later, seconds } from "../core/time.ts";
import type { Claims } from "../wire/credentials.ts";
import { fromIso, iso } from "../wire/instants.ts";
import { type AttemptNotice, attemptNotice, type RunnerNotice, runnersWord } from "../wire/own-events.ts";
import type { App } from "./app.ts";
import { contentDigest } from "./content-digest.ts";
import { type Attempt, type NoticeCounts, notice, refundAttempt, tellAttempt } from "./notice.ts";
import { throwIfAny, visitAll } from "./visit-all.ts";

/** Agents ask the metadata every 5 s. A runner that tells more often says nothing new, and takes the turn of others. */
const TOLD_AGAIN = seconds(5);

/**
 * If a runner's clock differs from ours by more than this, it is not believed. It is half of the slack that every event
 * gets.
 */
const CLOCK_OFF = seconds(30);

/** AWS's longest warning, that of a capacity block. */
const LONGEST_WARNING = seconds(600);

const clamped = (deadline: Instant, now: Instant): Instant =>
  later(earlier(deadline, after(now, LONGEST_WARNING)), now);

/** The same id for each kind of evidence about an attempt. The newest counts. */
const wordId = ({ run, fence }: Claims, kind: string): string => `runner-${contentDigest({ run, fence, kind })}`;

/**
 * Forwards what a runner was told, as far as its clock and its deadline can be believed. Returns a refusal if the
 * attempt is over. Nothing is sent then, nor for what the runner has told before.
 */
export async function forwardNotice(app: App, token: Claims, told: RunnerNotice): Promise<Refusal | undefined> {
  const { run: id, shard, fence } = token;
  const run = await app.runs.read(token);
  if (run === undefined || run.state === "ended") return { kind: "ended" };
  if (run.fence !== fence) return superseded(run);
  const now = app.clock.now();
  const { kind } = told;
  const saidAt = fromIso(told.at);
  const at = Math.abs(saidAt - now) > CLOCK_OFF ? now : saidAt; // a wrong clock would place it outside every attempt
  const deadline = told.deadline === undefined ? undefined : clamped(fromIso(told.deadline), now);
  const word = { kind, at: iso(at), ...(deadline !== undefined && { deadline: iso(deadline) }) };
  const wid = wordId(token, kind);
  const last = ((await app.ledger.read(id, fence))?.words ?? []).find((each) => each.id === wid);
  if (last !== undefined && (at < after(last.at, TOLD_AGAIN) || deadline === last.deadline)) return undefined;
  const host = isClaimed(run) ? run.host : undefined;
  const about = { run: id, shard, fence, ...(host !== undefined && { host }) };
  await app.notices.send(attemptNotice(wid, iso(now), { ...about, ...word }));
  // It is stored here, too. A runner that tells a thousand times at once must not fill the queue before the first
  // message is read.
  await app.ledger.hear(id, fence, runnersWord(wid, word));
  return undefined;
}

/**
 * A runner's evidence is about its own attempt. If runners are trusted to speak for their host, and AWS takes that
 * host, it is about all attempts there. The message says where the runner was, because its own attempt may have ended
 * meanwhile.
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
 * A runner's evidence about itself concerns only its own attempt, whatever else is on its host. If a verdict was
 * faster, its charge moves. The evidence is kept with the attempt's ledger line, where a verdict looks for it.
 */
export async function noticeOfRunner(app: App, attempt: Attempt, word: Evidence): Promise<keyof NoticeCounts> {
  const { run, fence } = attempt;
  await app.ledger.hear(run, fence, word);
  const became = await tellAttempt(app, attempt, word);
  if (became !== "over") return became === "leaving" ? "leaving" : "noted";
  return explains(word) && (await refundAttempt(app, attempt, word)) === "refunded" ? "refunded" : "noted";
}
