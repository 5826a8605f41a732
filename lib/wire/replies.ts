import type { Reply } from "../core/decision.ts";
import { paceOf } from "../core/lease.ts";
import type { Directive } from "../core/run.ts";
import { type Span, seconds } from "../core/time.ts";
import { iso } from "./instants.ts";
import { PROBLEMS, type Problem, type ProblemName, problem } from "./problems.ts";

/** A response as the API gives it; `body` is JSON. */
export type HttpReply = {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type ClaimBody = {
  readonly attempt: number;
  readonly fence: number;
  readonly token: string;
  readonly leaseSeconds: number;
  readonly nextBeatSeconds: number;
  readonly directive: Directive;
  /** The attempt goes on although it may have a successor by then. Its owner chose this. */
  readonly onCutOff?: "continue";
  /** Where beats may go instead of the front door that took the claim. That front door takes them, too. */
  readonly beatUrl?: string;
};

export type BeatBody = {
  readonly directive: Directive;
  readonly leaseSeconds: number;
  readonly nextBeatSeconds: number;
  readonly deadline?: string;
  readonly reason?: string;
  /** A new token, if the old one was signed with an older key, or has been valid for a day. */
  readonly token?: string;
};

export type FinishBody = { readonly state: string; readonly outcome?: string };

/** While an attempt drains, its agent should soon hear of the next step. */
const BEAT_WHILE_DRAINING = seconds(10);

function nextBeat(lease: Span, directive: Directive): number {
  const { interval } = paceOf(lease);
  return (directive === "continue" ? interval : Math.min(interval, BEAT_WHILE_DRAINING)) / 1000;
}

/** A problem document as a response. */
export const refused = (document: Problem, headers: Readonly<Record<string, string>> = {}): HttpReply => ({
  status: document.status,
  body: document,
  headers: { "content-type": "application/problem+json", ...headers },
});

const DETAILS: Partial<Record<ProblemName, string>> = {
  hold: "its predecessor may still run, its host is about to go, or it is not due yet; claim again",
  "held-by-another": "this attempt was claimed by another holder; do not start",
  "finished-otherwise": "this attempt has reported a different end already",
  overran: "the attempt or the run is past its deadline",
  ended: "the run has ended",
  canceling: "the run is being canceled; it cannot be given another attempt",
};

const plain = (name: ProblemName, status: number = PROBLEMS[name].status): Problem =>
  problem(name, { status, ...(DETAILS[name] !== undefined && { detail: DETAILS[name] }) });

/** What the owner of an ended run is told. The request conflicts with that end, but the run is not missing. */
export const ownerReply = (reply: Reply): HttpReply =>
  reply.kind === "ended" ? refused(plain("ended", 409)) : httpReply(reply);

/**
 * The response to a decision. `token`: the one that a claim hands out, or that a beat renews. `beatUrl`: where the
 * beats of a claimed attempt may go.
 */
export function httpReply(reply: Reply, token?: string, beatUrl?: string): HttpReply {
  switch (reply.kind) {
    case "claimed":
      if (token === undefined) throw new Error("a claim was granted without a token");
      return ok({
        attempt: reply.attempt,
        fence: reply.fence,
        token,
        leaseSeconds: reply.lease / 1000,
        nextBeatSeconds: nextBeat(reply.lease, reply.directive),
        directive: reply.directive,
        ...(reply.onCutOff === "continue" && { onCutOff: reply.onCutOff }),
        ...(beatUrl !== undefined && { beatUrl }),
      } satisfies ClaimBody);
    case "renewed":
      return ok({
        directive: reply.directive,
        leaseSeconds: reply.lease / 1000,
        nextBeatSeconds: nextBeat(reply.lease, reply.directive),
        ...(reply.deadline !== undefined && { deadline: iso(reply.deadline) }),
        ...(reply.reason !== undefined && { reason: reply.reason }),
        ...(token !== undefined && { token }),
      } satisfies BeatBody);
    case "finished":
      return ok({
        state: reply.state,
        ...(reply.outcome !== undefined && { outcome: reply.outcome }),
      } satisfies FinishBody);
    case "accepted":
      return { status: 202, body: { state: reply.state } };
    case "superseded": {
      const { attempt, fence } = reply;
      return refused(
        problem("superseded", { detail: `attempt ${attempt} with fence ${fence} is current; stop`, attempt, fence }),
      );
    }
    case "hold":
      return refused(plain("hold"), { "retry-after": "1" });
    case "held-by-another":
    case "finished-otherwise":
    case "overran":
    case "canceling":
    case "ended":
      return refused(plain(reply.kind));
    case "spared":
    case "owing":
    case "reaped":
    case "frozen":
    case "limited":
    case "noted":
    case "leaving":
    case "refunded":
      throw new Error(`${reply.kind} is not an HTTP reply`);
  }
}

const ok = (body: unknown): HttpReply => ({ status: 200, body });
