import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beat } from "../../lib/app/beat.ts";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { inspect } from "../../lib/app/inspect.ts";
import { notice } from "../../lib/app/notice.ts";
import { reap } from "../../lib/app/reap.ts";
import { noticeOfRunner } from "../../lib/app/runner-notice.ts";
import { sweep } from "../../lib/app/sweep.ts";
import type { Evidence, EvidenceKind } from "../../lib/core/evidence.ts";
import type { Report } from "../../lib/core/run.ts";
import { type Instant, instant, after as plus, seconds } from "../../lib/core/time.ts";
import { claimsOf, holder, NOON, type Service, service, specWith, ticketOf, tokenOf } from "./service.ts";

const at = (clock: string) => instant(Date.parse(`2026-11-22T${clock}Z`));
const word = (kind: EvidenceKind, when: Instant, own: Partial<Evidence> = {}): Evidence => ({
  id: `${kind}-1`,
  source: "aws.ec2",
  kind,
  at: when,
  ...own,
});

const charges = async (app: Service) => (await inspect(app, "etl"))?.current.charges;

async function sweepAt(app: Service, when: Instant): Promise<void> {
  app.pass(seconds((when - app.now()) / 1000));
  await sweep(app, { period: seconds(1), until: plus(app.now(), seconds(50)), previous: app.now() });
}

describe("whatever the order in which it is told", () => {
  /** All of it is about i-a, where the attempt was claimed at 12:00:00, and beat last at 12:01:00 with progress 10. */
  const WORDS: readonly Evidence[] = [
    word("spot-interruption", at("12:01:20"), { deadline: at("12:03:20") }),
    word("stopping", at("12:01:30")),
    word("terminated", at("12:01:40"), { goneAt: at("12:01:40") }),
    word("evicted", at("12:01:35"), { goneAt: at("12:01:50") }),
    word("scale-in", at("12:01:25")),
    word("maintenance", at("12:01:00")),
    word("rebalance", at("12:00:40")),
  ];
  const KILLED: Report = { outcome: "failed", signal: "SIGKILL" };
  const FENCED: Report = { outcome: "interrupted", reason: "self-fenced" };

  type Told = { readonly word: Evidence; readonly at: Instant };
  type Ending = {
    readonly report: Report | undefined;
    readonly onNotice: "handover" | "drain" | "ignore";
    readonly overruns: boolean;
  };

  /** The account after these words at these times, an end by that report at 12:01:38, before its host is gone, or by the lease, and a day. */
  async function account(told: readonly Told[], { report, onNotice, overruns }: Ending) {
    const app = service();
    const budgets = { crashes: 5, interruptions: 2, losses: 5, starts: 5 };
    const spec = specWith({ onNotice, budgets, ...(overruns && { attemptDeadline: seconds(90) }) });
    const token = await tokenOf(app, "etl", spec);
    app.pass(seconds(60));
    await beat(app, token, { value: 10 });
    let isOver = false;
    const end = async (): Promise<void> => {
      if (isOver) return;
      isOver = true;
      if (report === undefined) await sweepAt(app, at("12:03:05"));
      else await finish(app, token, report);
    };
    const endsAt = report === undefined ? at("12:03:05") : at("12:01:38");
    for (const { word: evidence, at: when } of told.toSorted((one, other) => one.at - other.at)) {
      if (when >= endsAt) {
        if (app.now() < endsAt) app.pass(seconds((endsAt - app.now()) / 1000));
        await end();
      }
      if (app.now() < when) app.pass(seconds((when - app.now()) / 1000));
      await notice(app, { host: "i-a", evidence });
    }
    if (app.now() < endsAt) app.pass(seconds((endsAt - app.now()) / 1000));
    await end();
    await sweepAt(app, at("12:20:00"));
    const found = await inspect(app, "etl");
    const [first] = found?.lines ?? [];
    const run = app.runs.look(token);
    return [found?.current.charges[0], first?.end?.cause, first?.end?.charge, run?.furthest];
  }

  test("the account of an attempt comes to the same: charge, cause and progress", async () => {
    const words = fc.uniqueArray(fc.constantFrom(...WORDS), {
      minLength: 1,
      maxLength: 4,
      selector: ({ kind }) => kind,
    });
    const minutes = fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 4, maxLength: 4 });
    const endings = fc.record({
      report: fc.constantFrom(undefined, KILLED, FENCED),
      onNotice: fc.constantFrom("handover" as const, "drain" as const, "ignore" as const),
      overruns: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(words, minutes, minutes, endings, async (some, early, late, ending) => {
        const told = (delays: readonly number[]): Told[] =>
          some.map((evidence, index) => ({ word: evidence, at: plus(evidence.at, seconds(delays[index] ?? 0)) }));
        expect(await account(told(early), ending)).toEqual(await account(told(late), ending));
      }),
      { numRuns: 1000 },
    );
  });

  test("a kill that a word explains later is an interruption, as if it had come in time", async () => {
    const spot = word("spot-interruption", at("12:01:20"));
    const killed: Ending = { report: KILLED, onNotice: "ignore", overruns: false };
    expect(await account([{ word: spot, at: at("12:01:21") }], killed)).toEqual(["f", "interrupted", "f", 10]);
    expect(await account([{ word: spot, at: at("12:15:00") }], killed)).toEqual(["f", "interrupted", "f", 10]);
  });
});

test("four interruptions that each got further are free, whether the warning comes before the verdict or after", async () => {
  for (const isLate of [false, true]) {
    const app = service();
    const spec = specWith({ budgets: { crashes: 0, interruptions: 1, losses: 9, starts: 0 } });
    let token = await tokenOf(app, "etl", spec, holder("0"));
    for (let number = 1; number <= 4; number += 1) {
      app.pass(seconds(10));
      await beat(app, token, { value: number * 100 });
      const spot = {
        host: `i-${number - 1}`,
        evidence: word("spot-interruption", plus(app.now(), seconds(60)), { id: `${number}` }),
      };
      app.pass(seconds(60));
      if (!isLate) await notice(app, spot);
      await sweepAt(app, plus(app.now(), seconds(60)));
      if (isLate) await notice(app, spot);
      const run = app.runs.look(token);
      if (run === undefined) throw new Error("the run has ended");
      const { token: next } = await claim(
        app,
        { ...token, fence: run.fence, attempt: run.attempt },
        holder(String(number)),
      );
      token = claimsOf(next);
    }
    expect(await charges(app)).toBe("ffff");
  }
});

test("two copies of one message say the same of capacity, budgets and the last attempt", async () => {
  const app = service();
  const budgets = { crashes: 0, memory: 0, interruptions: 2, losses: 0, starts: 0 };
  const token = await tokenOf(app, "etl", specWith({ onDemandLast: 1, budgets }));
  const last = await tokenOf(app, "last", specWith({ budgets: { ...budgets, interruptions: 1 } }));
  app.pass(seconds(60));
  await notice(app, { host: "i-a", evidence: word("spot-interruption", app.now()) });
  app.pass(seconds(20));
  for (const each of [token, last]) await finish(app, each, { outcome: "interrupted", reason: "spot-interruption" });
  const said = (run: string) =>
    app
      .messages()
      .filter(({ data }) => data.run === run)
      .map(({ id, data: { next, budgets: used } }) => [id, next.capacity, next.isLast, used]);
  expect(said("etl")[0]).toEqual(said("etl")[1]);
  expect(said("etl")[0]).toMatchObject([
    expect.any(String),
    "on-demand",
    false,
    { interruptions: { used: 1, max: 2 } },
  ]);
  expect(said("last")[0]).toEqual(said("last")[1]);
  expect(said("last")[0]?.[2]).toBe(true);
});

describe("a host that is being drained", () => {
  const until = at("13:00:00");
  const drained = async (): Promise<Service> => {
    const app = service();
    await notice(app, { host: "i-a", evidence: word("drain", NOON), deadline: until });
    return app;
  };

  test("takes no claim until its deadline", async () => {
    const app = await drained();
    const ticket = await ticketOf(app, "etl", specWith({ startWithin: seconds(7200) }));
    for (const clock of ["12:01:00", "12:03:00", "13:00:00"]) {
      app.pass(seconds((at(clock) - app.now()) / 1000));
      expect((await claim(app, ticket, holder("a"))).reply).toEqual({ kind: "hold" });
    }
    app.pass(seconds(0.001));
    expect((await claim(app, ticket, holder("a"))).reply).toMatchObject({ kind: "claimed" });
  });

  test("and is taken by AWS in two minutes says so with the next beat", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(60));
    await notice(app, { host: "i-a", evidence: word("drain", app.now(), { deadline: until }) });
    app.pass(seconds(60));
    await beat(app, token);
    const warning = word("spot-interruption", app.now(), { deadline: at("12:04:00") });
    await notice(app, { host: "i-a", evidence: warning });
    app.pass(seconds(5));
    expect(await beat(app, token)).toMatchObject({ reason: "spot-interruption", deadline: at("12:04:00") });
  });

  test("by a runner's word takes claims all the same", async () => {
    const app = service({ trustRunners: true });
    await notice(app, { host: "i-a", evidence: word("spot-interruption", NOON, { source: "runner" }) });
    expect((await claim(app, await ticketOf(app, "etl"), holder("a"))).reply).toMatchObject({ kind: "claimed" });
  });
});

describe("a word that comes late", () => {
  test("about an attempt that lives for two days finds it on its host, whatever the retention", async () => {
    const app = service({ retention: seconds(24 * 3600) });
    const token = await tokenOf(app, "etl");
    app.pass(seconds(50 * 3600));
    (app.hosts as Service["hosts"] & { forget(now: Instant): void }).forget(app.now());
    await app.runs.renew(token, { fence: token.fence, now: app.now(), due: plus(app.now(), seconds(120)) });
    expect(await notice(app, { host: "i-a", evidence: word("spot-interruption", app.now()) })).toMatchObject({
      leaving: 1,
    });
  });

  test("about a maintenance far ahead is kept until it has happened", async () => {
    const app = service({ retention: seconds(24 * 3600) });
    const start = plus(NOON, seconds(45 * 24 * 3600));
    await notice(app, { host: "i-a", evidence: word("maintenance", start) });
    app.pass(seconds(45 * 24 * 3600 - 60));
    (app.hosts as Service["hosts"] & { forget(now: Instant): void }).forget(app.now());
    await tokenOf(app, "etl");
    await sweepAt(app, plus(start, seconds(60)));
    expect(await charges(app)).toBe("i");
  });

  test("that a maintenance was called off takes back what it would have explained", async () => {
    const app = service();
    const start = plus(NOON, seconds(3600));
    await notice(app, { host: "i-a", evidence: word("maintenance", start) });
    await notice(app, { host: "i-a", evidence: word("maintenance", start, { withdrawn: true }) });
    app.pass(seconds(3600));
    const token = await tokenOf(app, "etl");
    app.pass(seconds(30));
    await finish(app, token, { outcome: "failed", signal: "SIGKILL" });
    expect(await charges(app)).toBe("c");
  });

  test("between a claim and its look elsewhere moves nobody on another host", async () => {
    const app = service();
    const ticket = await ticketOf(app, "etl");
    const { renew } = app.runs;
    await app.hosts.enter(
      "i-a",
      { run: "etl", shard: ticket.shard, fence: ticket.fence, at: NOON },
      plus(NOON, seconds(9e6)),
    );
    const { read } = app.specs;
    app.specs.read = async (...asked) => {
      app.specs.read = read; // the notice about i-a has seen the run queued; a pod on i-b opens it now
      await claim(app, ticket, holder("b"));
      return read(...asked);
    };
    await notice(app, { host: "i-a", evidence: word("spot-interruption", NOON) });
    expect(app.runs.look(ticket)).toMatchObject({ state: "running", host: "i-b" });
    expect(renew).toBe(app.runs.renew);
  });

  test("between the last two steps of a verdict on an attempt that leaves makes the verdict look again", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    await notice(app, { host: "i-a", evidence: word("stopping", plus(NOON, seconds(30))) });
    app.pass(seconds(120));
    const { replace } = app.runs;
    app.runs.replace = async (...write) => {
      app.runs.replace = replace;
      await notice(app, { host: "i-a", evidence: word("scale-in", plus(NOON, seconds(25))) });
      return replace(...write);
    };
    await reap(app, token);
    expect(await charges(app)).toBe("i");
  });

  test("from a runner whose verdict still owes its ledger line is heard", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(120));
    const { end } = app.ledger;
    app.ledger.end = async () => {
      throw new Error("the ledger is away");
    };
    await reap(app, token);
    app.ledger.end = end;
    const said = word("sigterm", plus(NOON, seconds(60)), { source: "runner" });
    expect(await noticeOfRunner(app, token, said)).toBe("refunded");
    expect(await charges(app)).toBe("i");
  });

  test("from a runner without a host explains its end", async () => {
    const app = service();
    const token = await tokenOf(app, "etl", specWith({ onNotice: "ignore" }), { id: "c".repeat(32) });
    app.pass(seconds(30));
    await noticeOfRunner(app, token, word("sigterm", app.now(), { source: "runner" }));
    await sweepAt(app, at("12:02:05"));
    expect(await charges(app)).toBe("i");
  });
});
