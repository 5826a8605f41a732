import fc from "fast-check";
import { expect, test } from "vitest";
import { heed } from "../../lambdas/heed.ts";
import { itemOf } from "../../lib/adapters/aws/run-item.ts";
import { beat } from "../../lib/app/beat.ts";
import { claim } from "../../lib/app/claim.ts";
import { drain } from "../../lib/app/drain.ts";
import { finish } from "../../lib/app/finish.ts";
import { cancel, requeue } from "../../lib/app/owner-requests.ts";
import { register } from "../../lib/app/register.ts";
import { forwardNotice } from "../../lib/app/runner-notice.ts";
import { sweep } from "../../lib/app/sweep.ts";
import { after, before, instant, seconds } from "../../lib/core/time.ts";
import { itemBytes } from "../../lib/cost/dynamodb-units.ts";
import type { Claims } from "../../lib/wire/credentials.ts";
import { iso } from "../../lib/wire/instants.ts";
import { claimsOf, type Service, service, specWith } from "../app/service.ts";
import { LONG, RUNS } from "./runs.ts";

/** DynamoDB refuses an item beyond 400 KB. What is read at each verdict must stay far below. */
const MOST_ITEM = 16 * 1024;
const MOST_WORDS = 16 * 1024;

const HOSTS = ["i-00000000", "i-00000001", "node-1"] as const;
const NAMES = ["a", "b", "c"] as const;
const STATES = ["stopping", "shutting-down", "terminated"] as const;

const host = fc.constantFrom(...HOSTS);
const run = fc.constantFrom(...NAMES);
const moves = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("beat" as const), run, value: fc.integer({ min: 0, max: 1e6 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("claim" as const), run, host, other: fc.integer({ min: 0, max: 999 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("drain" as const), host, deadline: fc.integer({ min: 0, max: 600 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("event" as const),
      host,
      id: fc.uuid(),
      kind: fc.nat({ max: 4 }),
      ago: fc.nat({ max: 600 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("notice" as const),
      run,
      kind: fc.constantFrom("sigterm" as const, "spot" as const, "rebalance" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("finish" as const), run, code: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("ask" as const), run, isCancel: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), span: fc.nat({ max: 40 }) }) },
);
type Move = typeof moves extends fc.Arbitrary<infer T> ? T : never;

function eventOf(app: Service, { host: about, id, kind, ago }: Extract<Move, { do: "event" }>): object {
  const at = iso(instant(app.now() - ago * 1000));
  const event = (type: string, source: string, detail: object) => ({
    id,
    source,
    time: at,
    resources: [],
    "detail-type": type,
    detail,
  });
  switch (kind) {
    case 0:
      return event("EC2 Spot Instance Interruption Warning", "aws.ec2", { "instance-id": about });
    case 1:
      return event("EC2 Instance State-change Notification", "aws.ec2", {
        "instance-id": about,
        state: STATES[ago % 3],
      });
    case 2:
      return event("EC2 Instance Terminate Successful", "aws.autoscaling", {
        EC2InstanceId: about,
        Cause: "at a user's request",
      });
    case 3:
      return event("EC2 Instance Rebalance Recommendation", "aws.ec2", { "instance-id": about });
    default:
      return event("AWS Service Event via CloudTrail", "aws.ec2", {
        eventName: "BidEvictedEvent",
        eventID: id,
        eventTime: at,
        serviceEventDetails: { instanceIdSet: HOSTS.slice(0, 2) },
      });
  }
}

/** The three runs go on for ever, each by the credentials that it last had. */
class Play {
  readonly app = service({ trustRunners: true });
  private readonly held = new Map<string, Claims>();
  private holders = 0;
  readonly entered = new Set<string>(HOSTS);

  async move(move: Move): Promise<void> {
    const { app } = this;
    switch (move.do) {
      case "beat":
        await beat(app, await this.claimsOf(move.run), { value: move.value });
        return;
      case "claim": {
        this.holders += 1;
        // Mostly a host that there is; else one that somebody has made up.
        const on = move.other < 900 ? move.host : `made-up-${move.other}`;
        this.entered.add(on);
        await claim(app, await this.claimsOf(move.run), { id: this.holders.toString(16).padStart(32, "0"), host: on });
        return;
      }
      case "drain":
        await drain(app, move.host, { deadlineSeconds: move.deadline, reason: "x".repeat(100) });
        return this.heedAll();
      case "event":
        await heed(app, JSON.stringify(eventOf(app, move)));
        return;
      case "notice":
        await forwardNotice(app, await this.claimsOf(move.run), { kind: move.kind, at: iso(app.now()) });
        return this.heedAll();
      case "finish": {
        const reports = [
          { outcome: "failed", exitCode: 1 },
          { outcome: "interrupted" },
          { outcome: "failed", signal: "SIGKILL" },
        ] as const;
        const report = reports[move.code] ?? reports[0];
        await finish(app, await this.claimsOf(move.run), { ...report, message: "m".repeat(4000) });
        return;
      }
      case "ask":
        await (move.isCancel ? cancel(app, move.run) : requeue(app, move.run));
        return;
      case "pass":
        app.pass(seconds(move.span));
        await sweep(app, { period: seconds(1), until: after(app.now(), seconds(50)) });
    }
  }

  private async heedAll(): Promise<void> {
    for (const message of this.app.notices.sent.splice(0)) await heed(this.app, JSON.stringify(message));
  }

  /** The newest attempt of a run; one that has ended is registered again when its record is gone. */
  private async claimsOf(name: string): Promise<Claims> {
    const { app } = this;
    const budgets = { crashes: 50, interruptions: 50, losses: 50, starts: 50 };
    const made = await register(app, name, specWith({ budgets, lease: seconds(30), startWithin: seconds(60) }));
    if (made.kind === "registered" && made.ticket !== undefined) this.held.set(name, claimsOf(made.ticket));
    if (made.kind === "over") app.pass(seconds(31 * 24 * 3600));
    const held = this.held.get(name);
    if (held === undefined) throw new Error("never registered");
    return held;
  }
}

const split = <T>(all: readonly T[], isLeft: (one: T) => boolean): [T[], T[]] => [
  all.filter(isLeft),
  all.filter((one) => !isLeft(one)),
];

/** A day in the queue, and 14 among the dead letters. */
const LATEST_WORD = seconds(15 * 24 * 3600);

test("no sequence of calls makes anything grow beyond its bound", LONG, async () => {
  const length = Math.max(2000, RUNS.numRuns);
  await fc.assert(
    fc.asyncProperty(fc.array(moves, { minLength: length, maxLength: length, size: "max" }), async (all) => {
      const play = new Play();
      const { app } = play;
      const { replace } = app.runs;
      app.runs.replace = (seen, next, due) => {
        expect(itemBytes(itemOf(next))).toBeLessThan(MOST_ITEM);
        return replace(seen, next, due);
      };
      for (const move of all) await play.move(move);
      // Claims that were held leave entries, until a word about that host finds that they stand elsewhere.
      for (const on of play.entered) await play.move({ do: "drain", host: on as (typeof HOSTS)[number], deadline: 0 });
      app.hosts.forget(app.now());
      for (const on of play.entered) {
        expect(JSON.stringify(await app.hosts.evidence(on)).length).toBeLessThan(MOST_WORDS);
        const [standing, ended] = split(
          await app.hosts.entries(on, instant(0)),
          ({ endedBy }) => endedBy === undefined,
        );
        expect(standing.length).toBeLessThanOrEqual(NAMES.length);
        for (const { endedBy = 0 } of ended) expect(endedBy).toBeGreaterThan(before(app.now(), LATEST_WORD));
      }
      for (const name of NAMES)
        for (const line of await app.ledger.list(name, 0 as never))
          expect(JSON.stringify(line).length).toBeLessThan(MOST_ITEM);
      for (const { body } of app.requeues.sent) expect(body.length).toBeLessThan(MOST_ITEM);
    }),
    { numRuns: 2, endOnFailure: true }, // a life of thousands of calls shrinks for hours
  );
});
