import { describe, expect, test } from "vitest";
import { beat } from "../../lib/app/beat.ts";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { inspect, listEnded, listLive } from "../../lib/app/inspect.ts";
import { cancel, requeue } from "../../lib/app/owner-requests.ts";
import { reap } from "../../lib/app/reap.ts";
import { register } from "../../lib/app/register.ts";
import { RETENTION } from "../../lib/app/retention.ts";
import { settle } from "../../lib/app/settle.ts";
import { sweep } from "../../lib/app/sweep.ts";
import { after, instant, seconds } from "../../lib/core/time.ts";
import { claimsOf, holder, NOON, service, specWith, ticketOf, tokenOf } from "./service.ts";

const SUCCESS = { outcome: "succeeded", exitCode: 0 } as const;

describe("a lost run", () => {
  test("is declared lost when its lease has run out, and comes back with a message", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(119));
    await app.swept(); // 12:02:09
    expect(app.messages()).toMatchObject([
      {
        id: `etl.${token.fence + 1}`,
        data: {
          cause: "lost",
          previous: { attempt: 1, lastBeatAt: "2026-11-22T12:00:00.000Z", holder: holder("a") },
          next: { attempt: 2, startBy: "2026-11-22T12:17:09.000Z" },
          budgets: { losses: { used: 1, max: 3 } },
        },
      },
    ]);
  });

  test("is spared as long as its lease runs", async () => {
    const app = service();
    await tokenOf(app, "etl");
    app.pass(seconds(109));
    await app.swept(); // 12:01:59
    expect(app.messages()).toEqual([]);
  });

  test("is spared when it beat after the sweep had seen it", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(121));
    await beat(app, token);
    expect(await reap(app, token)).toEqual({ kind: "spared" });
  });

  test("keeps its old attempt out: its beat is superseded, its failure is refused", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(120));
    await app.swept();
    expect(await beat(app, token)).toMatchObject({ kind: "superseded", attempt: 2 });
    expect(await finish(app, token, { outcome: "failed", exitCode: 1 })).toMatchObject({
      kind: "superseded",
      attempt: 2,
    });
  });

  test("that succeeds after all, before anybody claimed the next attempt, has succeeded", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(120));
    await app.swept();
    expect(await finish(app, token, SUCCESS)).toEqual({ kind: "finished", state: "ended", outcome: "succeeded" });
    const ticket = claimsOf(app.messages()[0]?.data.next.ticket);
    expect((await claim(app, ticket, holder("b"))).reply).toEqual({ kind: "ended" }); // the requeue is withdrawn
    expect((await inspect(app, "etl"))?.current.charges).toBe("+"); // the charge is refunded
  });

  test("that succeeds too late is refused, and its ledger says so", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(120));
    await app.swept();
    await claim(app, claimsOf(app.messages()[0]?.data.next.ticket), holder("b"));
    expect(await finish(app, token, SUCCESS)).toMatchObject({ kind: "superseded" });
    expect((await inspect(app, "etl"))?.lines[0]?.lateSuccessAt).toBe(app.now());
  });

  test("that was given up is put back for its late success, even when its item is gone", async () => {
    const app = service();
    const token = await tokenOf(app, "etl", specWith({ budgets: { attempts: 1 } }));
    app.pass(seconds(120));
    await app.swept();
    app.pass(seconds(60));
    await app.swept();
    expect(app.runs.items().length).toBe(0);
    expect(await finish(app, token, SUCCESS)).toMatchObject({ outcome: "succeeded" });
    expect(await finish(app, token, SUCCESS)).toMatchObject({ outcome: "succeeded" });
    expect((await inspect(app, "etl"))?.current).toMatchObject({ outcome: "succeeded", charges: "+" });
    app.pass(seconds(60));
    await app.swept();
    expect((await inspect(app, "etl"))?.current).toMatchObject({ outcome: "succeeded" });
    expect(app.runs.items().length).toBe(0);
  });

  test("on a host that was being reclaimed is charged to interruptions", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    const evidence = { id: "e1", source: "aws.ec2", kind: "spot-interruption", at: after(NOON, seconds(30)) } as const;
    await app.hosts.record("i-a", evidence, app.now(), app.retention);
    app.pass(seconds(120));
    await reap(app, token);
    expect((await inspect(app, "etl"))?.lines[0]?.end).toMatchObject({
      cause: "interrupted",
      charge: "i",
      evidence: [evidence],
    });
  });

  test("is spared a host's evidence from before its time there", async () => {
    const app = service();
    await app.hosts.record(
      "i-a",
      {
        id: "e1",
        source: "aws.ec2",
        kind: "evicted",
        at: instant(NOON - 61_000),
        goneAt: instant(NOON - 46_000),
      },
      app.now(),
      app.retention,
    );
    const token = await tokenOf(app, "etl");
    app.pass(seconds(120));
    await reap(app, token);
    expect((await inspect(app, "etl"))?.lines[0]?.end).toMatchObject({ cause: "lost" });
  });
});

describe("a debt", () => {
  test("stands when its message cannot be sent, and a sweep settles it", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    const { send } = app.requeues;
    app.requeues.send = async () => {
      throw new Error("SQS is away");
    };
    app.pass(seconds(120));
    expect(await reap(app, token)).toEqual({ kind: "reaped", isByClock: true });
    expect(app.logged.at(-1)).toMatchObject({ decision: "debt-left", run: "etl", error: "Error: SQS is away" });
    app.requeues.send = send;
    app.pass(seconds(19));
    await app.swept(); // 29 s after the verdict: its maker may still be at it
    expect(app.messages()).toHaveLength(0);
    app.pass(seconds(1));
    await app.swept();
    expect(app.messages()).toHaveLength(1);
  });

  test("that was settled long after the start deadline gives the next attempt its full time", async () => {
    const app = service();
    const token = await tokenOf(app, "etl", specWith({ startWithin: seconds(60) }));
    const { send } = app.requeues;
    app.requeues.send = async () => {
      throw new Error("SQS is away");
    };
    app.pass(seconds(120));
    await reap(app, token);
    app.pass(seconds(600));
    app.requeues.send = send;
    await app.swept(); // 12:12:10
    expect(app.messages()[0]?.data.next.startBy).toBe("2026-11-22T12:13:10.000Z");
    expect(app.runs.items()[0]).toMatchObject({ state: "queued", charges: "l" });
  });

  test("that is settled twice sends the same message twice, and nothing else", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    const { replace } = app.runs;
    app.pass(seconds(120));
    let refusals = 2; // the verdict, then the first time the debt is cleared
    app.runs.replace = async (...write) => (refusals-- === 1 ? "stale" : replace(...write));
    await reap(app, token);
    const [first, second] = app.messages();
    expect(second).toEqual(first);
    await settle(app, token); // nothing is owed any more
    expect(app.messages()).toHaveLength(2);
  });

  test("that is still owed shows in the record", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.ledger.end = async () => {
      throw new Error("the ledger is away");
    };
    app.pass(seconds(120));
    await reap(app, token);
    expect((await inspect(app, "etl"))?.lines).toMatchObject([
      { claim: { attempt: 1 }, end: { cause: "lost", charge: "l" } },
    ]);
  });
});

describe("a run id", () => {
  test("may be used again when its record is gone, and its old credentials are refused", async () => {
    const app = service();
    const old = await tokenOf(app, "etl");
    await finish(app, old, SUCCESS);
    app.pass(seconds(100));
    await app.swept();
    app.pass(RETENTION);
    const fresh = await ticketOf(app, "etl", specWith({ labels: { another: "life" } }));
    expect(fresh.fence).toBeGreaterThan(old.fence);
    expect(await beat(app, old)).toMatchObject({ kind: "superseded" });
    expect(await finish(app, old, SUCCESS)).toMatchObject({ kind: "superseded" });
    expect((await claim(app, { ...old, attempt: 1 }, holder("a"))).reply).toMatchObject({ kind: "superseded" });
    expect((await inspect(app, "etl"))?.lines).toEqual([]);
    expect((await claim(app, fresh, holder("b"))).reply).toMatchObject({ kind: "claimed", attempt: 1 });
    await finish(app, fresh, { outcome: "failed", exitCode: 1 });
    expect((await inspect(app, "etl"))?.current).toMatchObject({ outcome: "failed" }); // and not the old life's success
  });

  test("is not free while its record is kept: the same spec is told how it ended", async () => {
    const app = service();
    await finish(app, await tokenOf(app, "etl"), SUCCESS);
    app.pass(seconds(100));
    await app.swept();
    expect(await register(app, "etl", specWith())).toMatchObject({ kind: "over", result: { outcome: "succeeded" } });
    expect(await register(app, "etl", specWith({ lease: seconds(60) }))).toEqual({ kind: "run-exists" });
  });

  test("whose registration crashed after the spec is completed by the caller's retry", async () => {
    const app = service();
    const { create } = app.runs;
    app.runs.create = async () => {
      throw new Error("crashed");
    };
    await expect(register(app, "etl", specWith())).rejects.toThrow("crashed");
    app.runs.create = create;
    expect(await inspect(app, "etl")).toBeUndefined();
    expect(await register(app, "etl", specWith())).toMatchObject({ kind: "registered", isNew: true });
  });
});

describe("a sweep", () => {
  test("is skipped when another one began less than half a period ago", async () => {
    const app = service();
    const bounds = { period: seconds(10), until: after(NOON, seconds(60)) };
    expect(await sweep(app, bounds)).toBeDefined();
    app.pass(seconds(4));
    expect(await sweep(app, bounds)).toBeUndefined();
    app.pass(seconds(1));
    expect(await sweep(app, bounds)).toBeDefined();
  });

  test("goes on when one run fails, and says which", async () => {
    const app = service();
    const bad = await tokenOf(app, "bad");
    await tokenOf(app, "good");
    const { read } = app.specs;
    app.specs.read = async (run, now) => (run === bad.run ? undefined : read(run, now));
    app.pass(seconds(120));
    await app.swept();
    expect(app.messages().map(({ data }) => data.run)).toEqual(["good"]);
    expect(app.logged.filter(({ decision }) => decision === "sweep-failed")).toMatchObject([{ run: "bad" }]);
    expect(app.logged.at(-1)?.counts).toMatchObject({ live: 2, reaped: 1, failed: 1 });
  });

  test("stops when its time is over; the next one finds what is left", async () => {
    const app = service();
    for (let run = 0; run < 40; run += 1) await tokenOf(app, `run-${run}`);
    const taken = { id: "e1", source: "aws.ec2", kind: "evicted", at: instant(NOON + 30_000) } as const;
    await app.hosts.record("i-a", taken, app.now(), app.retention); // or a fleet that is silent at once would not be judged
    app.pass(seconds(120));
    const counts = await sweep(app, { period: seconds(10), until: app.now() });
    expect(counts).toMatchObject({ reaped: 0 });
    await app.swept();
    expect(app.messages()).toHaveLength(40);
  });
});

describe("an owner", () => {
  test("cancels a run that nobody holds at once, and a held one by telling its holder", async () => {
    const app = service();
    await ticketOf(app, "queued");
    const token = await tokenOf(app, "held");
    expect(await cancel(app, "queued")).toEqual({ kind: "accepted", state: "ended" });
    expect(await cancel(app, "held", "enough")).toEqual({ kind: "accepted", state: "canceling" });
    expect(await beat(app, token)).toMatchObject({ kind: "renewed", directive: "stop", reason: "enough" });
    app.pass(seconds(120));
    await app.swept();
    expect((await inspect(app, "held"))?.current).toMatchObject({ outcome: "canceled", charges: "-" });
    expect(await cancel(app, "nobody")).toEqual({ kind: "not-found" });
  });

  test("gets the same message again for a queued run", async () => {
    const app = service();
    await ticketOf(app, "etl", specWith({ start: "dispatch" }));
    await requeue(app, "etl");
    const [first, second] = app.messages();
    expect(first).toMatchObject({ data: { cause: "first", next: { attempt: 1 } } });
    expect({ ...second, time: first?.time }).toEqual(first);
  });

  test("frees a run from its holder, charged to nothing; the message goes when the old attempt is gone", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    expect(await requeue(app, "etl", 1)).toEqual({ kind: "accepted", state: "leaving" });
    app.pass(seconds(30));
    expect(await beat(app, token)).toMatchObject({ directive: "stop" });
    expect(app.messages()).toEqual([]);
    await finish(app, token, { outcome: "interrupted" });
    expect(app.messages()).toMatchObject([
      { data: { cause: "requeued", budgets: { losses: { used: 0 }, interruptions: { used: 0 } } } },
    ]);
    expect(await requeue(app, "etl", 1)).toMatchObject({ kind: "superseded" });
  });

  test("sees every live run once, whatever the page size, and the ended ones, the newest first", async () => {
    const app = service();
    for (let run = 0; run < 9; run += 1) await ticketOf(app, `run-${run}`);
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listLive(app, 2, cursor);
      found.push(...page.runs.map(({ run }) => run));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(found.sort()).toEqual(Array.from({ length: 9 }, (_, run) => `run-${run}`));
    for (const run of ["run-3", "run-1"]) {
      app.pass(seconds(1));
      await cancel(app, run);
    }
    expect((await listEnded(app, 10, undefined)).runs.map(({ run }) => run)).toEqual(["run-1", "run-3"]);
    expect((await listEnded(app, 10, app.now())).runs.map(({ run }) => run)).toEqual(["run-1"]);
  });
});

test("a run whose claim was written but not answered is still its holder's", async () => {
  const app = service();
  const ticket = await ticketOf(app, "etl");
  const { replace } = app.runs;
  app.runs.replace = async (...write) => {
    await replace(...write);
    app.runs.replace = replace;
    return "stale"; // the first try had succeeded, its retry found the item changed
  };
  expect((await claim(app, ticket, holder("a"))).reply).toMatchObject({ kind: "claimed", attempt: 1 });
  expect((await inspect(app, "etl"))?.lines).toMatchObject([{ claim: { claimedAt: NOON, holder: holder("a") } }]);
});

test("a request that finds the run changed again and again says so instead of looping", async () => {
  const app = service();
  const token = await tokenOf(app, "etl");
  app.runs.replace = async () => "stale";
  await expect(finish(app, token, SUCCESS)).rejects.toThrow("run etl changed 8 times while one request was decided");
});

describe("a run that is gone", () => {
  test("has ended for whoever still beats, claims, finishes, reaps or settles it", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    await finish(app, token, { outcome: "failed", exitCode: 1 });
    app.pass(seconds(60));
    await app.swept();
    expect(app.runs.items().length).toBe(0);
    expect(await beat(app, token)).toEqual({ kind: "ended" });
    expect((await claim(app, token, holder("b"))).reply).toEqual({ kind: "ended" });
    expect(await finish(app, token, SUCCESS)).toEqual({ kind: "finished-otherwise" });
    expect(await reap(app, token)).toEqual({ kind: "spared" });
    await settle(app, token);
    expect(await cancel(app, "etl")).toEqual({ kind: "ended" });
    expect(await requeue(app, "etl")).toEqual({ kind: "ended" });
    expect(app.runs.items().length).toBe(0);
  });

  test("and whose record has expired is not known at all", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    await finish(app, token, SUCCESS);
    app.pass(seconds(60));
    await app.swept();
    app.pass(RETENTION);
    expect(await finish(app, token, SUCCESS)).toEqual({ kind: "ended" });
    expect((await claim(app, token, holder("b"))).reply).toEqual({ kind: "ended" });
    expect(await cancel(app, "etl")).toEqual({ kind: "not-found" });
    expect(await inspect(app, "etl")).toBeUndefined();
  });

  test("before it was complete is not known to its owner: nothing was promised yet", async () => {
    const app = service();
    app.runs.create = async () => {
      throw new Error("crashed");
    };
    await expect(register(app, "etl", specWith())).rejects.toThrow();
    expect(await cancel(app, "etl")).toEqual({ kind: "not-found" });
  });
});

test("a run that ends while it is registered again is told as ended", async () => {
  const app = service();
  const token = await tokenOf(app, "etl");
  const { create } = app.runs;
  app.runs.create = async (run) => {
    const write = await create(run);
    await finish(app, token, SUCCESS);
    app.pass(seconds(60));
    await app.swept();
    return write;
  };
  expect(await register(app, "etl", specWith())).toMatchObject({ kind: "over", result: { outcome: "succeeded" } });
});

test("a holder without a host leaves no trace on any, and is reaped without evidence", async () => {
  const app = service();
  const ticket = await ticketOf(app, "etl");
  app.hosts.enter = async () => expect.unreachable();
  app.hosts.evidence = async () => expect.unreachable();
  await claim(app, ticket, { id: "c".repeat(32) });
  app.pass(seconds(120));
  expect(await reap(app, ticket)).toEqual({ kind: "reaped", isByClock: true });
});

test("a beat that was refused for what no longer holds asks to be sent again", async () => {
  const app = service();
  const token = await tokenOf(app, "etl");
  app.pass(seconds(1));
  app.runs.renew = async (key) => ({ write: "stale", run: await app.runs.read(key) });
  await expect(beat(app, token)).rejects.toThrow("was refused");
});

test("a run without a spec is an error, not a verdict", async () => {
  const app = service();
  const token = await tokenOf(app, "etl");
  app.specs.read = async () => undefined;
  app.pass(seconds(120));
  await expect(reap(app, token)).rejects.toThrow("run etl has an item but no spec");
});

test("an item that was sighted as ended and lives again is not removed", async () => {
  const app = service();
  const token = await tokenOf(app, "etl");
  app.runs.page = async () => ({
    sightings: [{ run: token.run, shard: token.shard, state: "ended", due: NOON, lease: seconds(120) }],
  });
  await app.swept();
  expect(app.runs.items().length).toBe(1);
});
