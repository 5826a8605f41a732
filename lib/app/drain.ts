import { randomUUID } from "node:crypto";
import { type Refusal, superseded } from "../core/decision.ts";
import { after, seconds } from "../core/time.ts";
import type { Claims } from "../wire/credentials.ts";
import { fromIso, iso } from "../wire/instants.ts";
import { attemptNotice, hostDrain, type RunnerNotice } from "../wire/notices.ts";
import type { App } from "./app.ts";

/** An operator takes a host out of service. It goes the way of every notice: through the queue. */
export async function drain(
  app: App,
  host: string,
  asked: { deadlineSeconds?: number; reason?: string },
): Promise<void> {
  const now = app.clock.now();
  const { deadlineSeconds, reason } = asked;
  await app.notices.send(
    hostDrain(randomUUID(), iso(now), {
      host,
      ...(deadlineSeconds !== undefined && { deadline: iso(after(now, seconds(deadlineSeconds))) }),
      ...(reason !== undefined && { reason }),
    }),
  );
}

/** A runner tells what it was told. A refusal when its attempt is over; nothing is sent then. */
export async function relay(app: App, token: Claims, told: RunnerNotice): Promise<Refusal | undefined> {
  const run = await app.runs.read(token);
  if (run === undefined || run.state === "ended") return { kind: "ended" };
  if (run.fence !== token.fence) return superseded(run);
  const { shard, fence } = token;
  const now = app.clock.now();
  const isOff = Math.abs(fromIso(told.at) - now) > CLOCK_OFF;
  const at = isOff ? iso(now) : told.at; // by a clock that is wrong it would concern no attempt at all
  await app.notices.send(attemptNotice(randomUUID(), iso(now), { run: token.run, shard, fence, ...told, at }));
  return undefined;
}

/** A runner's clock that differs from ours by more is not believed. Half of the slack that every event is given. */
const CLOCK_OFF = seconds(30);
