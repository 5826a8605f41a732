import type { Decision, Reply } from "../core/decision.ts";
import type { Evidence } from "../core/evidence.ts";
import { type Freeze, nobodySeen, type Survey } from "../core/freeze.ts";
import type { Due, FailedStart } from "../core/reaping.ts";
import { type Fence, isClaimed, type Run, type RunKey } from "../core/run.ts";
import { decide } from "../core/transitions.ts";
import type { App } from "./app.ts";
import { change } from "./change.ts";
import { evidenceFor } from "./host-evidence.ts";
import { registrationOf, settle } from "./settle.ts";

/**
 * Evidence that the attempt with this fence is dead: its host is gone, or, without a host, its pod has ended.
 * `failedStart`: nobody has claimed it, and nobody will.
 */
export type Proof = {
  readonly host?: string;
  readonly fence: Fence;
  readonly evidence: Evidence;
  readonly failedStart?: FailedStart["cause"];
};

function isProofAbout(run: Run, { host, fence, failedStart }: Proof): boolean {
  if (run.fence !== fence) return false;
  if (failedStart !== undefined) return run.state === "queued";
  return isClaimed(run) && (host === undefined || run.host === host);
}

/** What the proof says about the attempt, for the decision. */
const factsOf = ({ evidence, fence, failedStart }: Proof): Pick<Due, "proof" | "failedStart"> => ({
  proof: evidence,
  ...(failedStart !== undefined && { failedStart: { fence, cause: failedStart } }),
});

/** How many verdicts by the clock alone may still be written. */
export type Places = { take(): boolean; giveBack(): void };

/** What holds back verdicts by the clock alone, as this sweep has found it. */
export type Restraint = { readonly freeze?: Freeze; readonly survey?: Survey; readonly places?: Places };

const restsOnTheClock = ({ reply }: Decision): boolean => reply.kind === "reaped" && reply.isByClock === true;

/**
 * Finds the verdict on a run that was seen due, or whose host is proved gone, and records it with its debt in one
 * write.
 */
export async function reap(app: App, key: RunKey, proof?: Proof, restraint: Restraint = {}): Promise<Reply> {
  const { places, ...held } = restraint;
  const now = app.clock.now();
  const roll = app.dice.roll();
  let hasPlace = false;
  let isWritten = false;
  const decideOn = async (run: Run): Promise<Decision> => {
    // A proof is about one attempt. It does not concern anything else that may be due on this run.
    if (proof !== undefined && !isProofAbout(run, proof)) return { write: "none", reply: { kind: "spared" } };
    const evidence = await evidenceFor(app, run);
    const registration = await registrationOf(app, run);
    const proved = proof === undefined ? {} : factsOf(proof);
    const due = { kind: "due", now, roll, registration, evidence, ...proved, ...held } as const;
    const decision = decide(run, due);
    if (places === undefined || hasPlace || !restsOnTheClock(decision)) return decision;
    hasPlace = places.take();
    return hasPlace ? decision : decide(run, { ...due, isLimited: true });
  };
  try {
    const { reply } = await change(app, key, decideOn, async () => ({ kind: "spared" }));
    isWritten = reply.kind === "reaped" && reply.isByClock === true;
    if (reply.kind === "owing") await settle(app, key);
    return reply;
  } finally {
    if (hasPlace && !isWritten) places?.giveBack();
  }
}

/**
 * Whether a held claim finds the gate open now: the old lease is over, or the old host is gone. The old attempt is then
 * reaped right here, and the claim may be decided again.
 */
export async function reapAtGate(app: App, key: RunKey): Promise<boolean> {
  const run = await app.runs.read(key);
  if (run === undefined) return true;
  if (run.state === "queued" || run.state === "running") return false; // held, but not because of an old attempt
  if (run.due <= app.clock.now()) {
    const { canary, ...found } = await app.control.frontDoor();
    return (await reap(app, key, undefined, { survey: nobodySeen(run, canary), ...found })).kind === "reaped";
  }
  if (!isClaimed(run) || run.host === undefined) return false;
  const { host, fence } = run;
  for (const evidence of await app.hosts.evidence(host))
    if (evidence.goneAt !== undefined && (await reap(app, key, { host, fence, evidence })).kind === "reaped")
      return true;
  return false;
}
