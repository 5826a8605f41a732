import { type Refusal, superseded } from "../core/decision.ts";
import { isHeld } from "../core/run.ts";
import { after, earlier, type Instant, later, seconds } from "../core/time.ts";
import type { Claims } from "../wire/credentials.ts";
import { fromIso, iso } from "../wire/instants.ts";
import { attemptNotice, hostDrain, type RunnerNotice, runnersWord } from "../wire/notices.ts";
import type { App } from "./app.ts";
import { digest } from "./digest.ts";

/** One id for all drains of a host: a controller that repeats its request says nothing new. */
const drainId = (host: string): string => `drain-${digest({ host })}`;

/** The same for a runner's word: one of each kind about its attempt, of which the newest counts. */
const wordId = ({ run, fence }: Claims, kind: string): string => `runner-${digest({ run, fence, kind })}`;

/** An operator takes a host out of service. It goes the way of every notice: through the queue. */
export async function drain(
  app: App,
  host: string,
  asked: { deadlineSeconds?: number; reason?: string },
): Promise<void> {
  const now = app.clock.now();
  const { deadlineSeconds, reason } = asked;
  await app.notices.send(
    hostDrain(drainId(host), iso(now), {
      host,
      ...(deadlineSeconds !== undefined && { deadline: iso(after(now, seconds(deadlineSeconds))) }),
      ...(reason !== undefined && { reason }),
    }),
  );
}

/**
 * A runner tells what it was told, as far as its clock and its deadline can be believed. A refusal when its attempt is over;
 * nothing is sent then, nor for what it has told before.
 */
export async function relay(app: App, token: Claims, told: RunnerNotice): Promise<Refusal | undefined> {
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

/** Agents ask the metadata every 5 s. Who tells more often than that says nothing new, and costs others their turn. */
const TOLD_AGAIN = seconds(5);

/** A runner's clock that differs from ours by more is not believed. Half of the slack that every event is given. */
const CLOCK_OFF = seconds(30);

/** The longest warning of AWS, that of a capacity block. */
const LONGEST_WARNING = seconds(600);

const clamped = (deadline: Instant, now: Instant): Instant =>
  later(earlier(deadline, after(now, LONGEST_WARNING)), now);
