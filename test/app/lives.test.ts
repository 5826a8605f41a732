import { describe, expect, test } from "vitest";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { inspect } from "../../lib/app/inspect.ts";
import { notice } from "../../lib/app/notice.ts";
import { cancel } from "../../lib/app/owner-requests.ts";
import { register } from "../../lib/app/register.ts";
import { sweep } from "../../lib/app/sweep.ts";
import { after, type Instant, milliseconds, type Span, seconds } from "../../lib/core/time.ts";
import { claimsOf, holder, type Service, service, specWith, ticketOf, tokenOf } from "./service.ts";

const DAY = seconds(24 * 3600);
const LAST = specWith({ budgets: { crashes: 0, interruptions: 0, losses: 0, starts: 0 } });

async function sweepAfter(app: Service, span: Span): Promise<void> {
  app.pass(span);
  await sweep(app, { period: seconds(10), until: after(app.now(), seconds(50)), previous: app.now() });
}

/** "nightly" was lost on i-a at 12:02:00, which ended it. */
async function lostOnce(): Promise<Service> {
  const app = service({ retention: DAY });
  await tokenOf(app, "nightly", LAST);
  await sweepAfter(app, seconds(120));
  return app;
}

const evicted = (at: Instant) => ({ id: "e1", source: "aws.ec2", kind: "evicted", at }) as const;

describe("a run id that is used again", () => {
  test("is not charged for what a late word says of its former life", async () => {
    const app = await lostOnce();
    const at = app.now();
    await sweepAfter(app, seconds(100));
    app.pass(DAY);
    await tokenOf(app, "nightly", specWith(), holder("b"));
    await sweepAfter(app, seconds(120));
    const before = await inspect(app, "nightly");
    expect(before?.current.charges).toBe("l");
    await notice(app, { host: "i-a", evidence: evicted(at) });
    expect(await inspect(app, "nightly")).toEqual(before);
  });

  test("is registered although the ended item of its former life is still there, and owes", async () => {
    const app = await lostOnce();
    await sweepAfter(app, seconds(100));
    app.pass(milliseconds(DAY - seconds(100) - seconds(121)));
    await notice(app, { host: "i-a", evidence: evicted(after(app.now(), milliseconds(-DAY))) });
    app.pass(seconds(200));
    const made = await register(app, "nightly", specWith());
    expect(made).toMatchObject({ kind: "registered", isNew: true, run: { state: "queued", charges: "" } });
    await sweepAfter(app, seconds(40));
    expect((await inspect(app, "nightly"))?.current).toMatchObject({ state: "queued", attempt: 1 });
  });

  test("is registered when its former record expires between two calls, and not without a spec", async () => {
    const app = service();
    const { create } = app.specs;
    let calls = 0;
    app.specs.create = async (registration) => (calls++ === 0 ? "stale" : create(registration));
    expect(await register(app, "nightly", specWith())).toMatchObject({ kind: "registered", isNew: true });
    expect(await app.specs.read("nightly", app.now())).toBeDefined();
    app.specs.create = async () => "stale";
    await expect(register(app, "always", specWith())).rejects.toThrow(
      "the registration of run always expired again and again; try again",
    );
  });

  test("takes the place of an ended item of its former life, and keeps its own spec", async () => {
    const app = await lostOnce();
    const [former] = app.runs.items();
    if (former === undefined) throw new Error("no item");
    app.pass(milliseconds(DAY + 1000)); // no sweep has come by to delete it
    await app.runs.replace(former, { ...former, rev: former.rev + 1, debt: { since: app.now(), owes: "archive" } });
    const made = await register(app, "nightly", specWith());
    expect(made).toMatchObject({ kind: "registered", isNew: true, run: { state: "queued", charges: "" } });
    await sweepAfter(app, seconds(40));
    app.pass(milliseconds(DAY * 2));
    expect(await inspect(app, "nightly")).toBeDefined();
  });

  test("leaves an ended item of its former life in another shard to the sweep, which only deletes it", async () => {
    const app = await lostOnce();
    const [former] = app.runs.items();
    if (former === undefined) throw new Error("no item");
    app.pass(milliseconds(DAY + 1000));
    await app.runs.replace(former, { ...former, rev: former.rev + 1, debt: { since: app.now(), owes: "archive" } });
    app.dice.roll = () => 0;
    await register(app, "nightly", specWith());
    expect(
      app.runs
        .items()
        .map(({ state }) => state)
        .toSorted(),
    ).toEqual(["ended", "queued"]);
    await sweepAfter(app, seconds(40));
    await sweepAfter(app, seconds(70));
    expect(app.runs.items()).toMatchObject([{ state: "queued" }]);
    expect(app.logged.filter(({ decision }) => decision === "sweep-failed")).toEqual([]);
    expect(await inspect(app, "nightly")).toMatchObject({ current: { state: "queued" } });
  });
});

describe("a record that is about to expire", () => {
  test("is left as it is by a late word, which could not be archived any more", async () => {
    const app = await lostOnce();
    const at = app.now();
    await sweepAfter(app, seconds(100)); // the item is deleted
    app.pass(milliseconds(DAY - seconds(100) - seconds(120)));
    expect((await notice(app, { host: "i-a", evidence: evicted(at) })).refunded).toBe(0);
    expect(app.runs.items()).toEqual([]);
  });

  test("whose item still owes is not archived anew when it has expired meanwhile", async () => {
    const app = await lostOnce();
    const [former] = app.runs.items();
    if (former === undefined) throw new Error("no item");
    await app.runs.replace(former, { ...former, rev: former.rev + 1, debt: { since: app.now(), owes: "archive" } });
    await sweepAfter(app, milliseconds(DAY + 1000));
    expect(app.runs.items()).toMatchObject([{ state: "ended" }]);
    await sweepAfter(app, seconds(70));
    expect(app.runs.items()).toEqual([]);
    expect(app.logged.filter(({ decision }) => decision === "sweep-failed")).toEqual([]);
  });
});

describe("a registration that got no further than its spec", () => {
  async function abandoned(): Promise<Service> {
    const app = service();
    const { create } = app.runs;
    app.runs.create = async () => {
      throw new Error("the Lambda is gone");
    };
    await expect(register(app, "etl", specWith())).rejects.toThrow("the Lambda is gone");
    app.runs.create = create;
    return app;
  }

  test("is completed by the same one, with its full time to start", async () => {
    const app = await abandoned();
    app.pass(seconds(1800));
    expect(await register(app, "etl", specWith())).toMatchObject({
      kind: "registered",
      run: { due: after(app.now(), seconds(900)) },
    });
    await sweepAfter(app, seconds(890));
    expect((await inspect(app, "etl"))?.current).toMatchObject({ state: "queued", charges: "" });
  });

  test("gives way to another one after a quarter of an hour, and not before", async () => {
    const app = await abandoned();
    const other = specWith({ lease: seconds(60) });
    app.pass(milliseconds(899_999));
    expect(await register(app, "etl", other)).toEqual({ kind: "run-exists" });
    app.pass(milliseconds(1));
    expect(await register(app, "etl", other)).toMatchObject({
      kind: "registered",
      isNew: true,
      run: { lease: 60_000 },
    });
    expect(await register(app, "etl", specWith())).toEqual({ kind: "run-exists" });
  });

  test("is told from one that has ended, and from one that lives", async () => {
    const app = service();
    await tokenOf(app, "live");
    const token = await tokenOf(app, "ended");
    await finish(app, token, { outcome: "succeeded" });
    await sweepAfter(app, seconds(1000));
    const other = specWith({ lease: seconds(60) });
    for (const run of ["live", "ended"]) expect(await register(app, run, other)).toEqual({ kind: "run-exists" });
  });
});

describe("a reply is true", () => {
  test("of two copies of a success that meet: both are told that the run has succeeded", async () => {
    const app = service();
    const token = await tokenOf(app, "etl", LAST);
    await sweepAfter(app, seconds(120)); // declared lost: exhausted
    const { read } = app.ledger;
    app.ledger.read = async (...asked) => {
      app.ledger.read = read; // this copy has read the run; the other one is faster
      expect(await finish(app, token, { outcome: "succeeded" })).toMatchObject({ outcome: "succeeded" });
      return read(...asked);
    };
    expect(await finish(app, token, { outcome: "succeeded" })).toEqual({
      kind: "finished",
      state: "ended",
      outcome: "succeeded",
    });
  });

  test("of a record that is read while its run changes: run and ledger are of one time", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    const { list } = app.ledger;
    app.ledger.list = async (...asked) => {
      app.ledger.list = list;
      await finish(app, token, { outcome: "succeeded" });
      return list(...asked);
    };
    const found = await inspect(app, "etl");
    expect(found?.current).toMatchObject({ state: "ended", outcome: "succeeded" });
    expect(found?.lines).toMatchObject([{ end: { cause: "succeeded" } }]);
  });

  test("of the list of ended runs, whoever archives last", async () => {
    const app = service();
    const token = await tokenOf(app, "etl", LAST);
    const { add } = app.endedRuns;
    let late: (() => Promise<unknown>) | undefined;
    app.endedRuns.add = async (...told) => {
      late ??= () => add(...told); // the first archiver is slow
      return add(...told);
    };
    await sweepAfter(app, seconds(120));
    await finish(app, token, { outcome: "succeeded" });
    await late?.();
    const { runs } = await app.endedRuns
      .list(app.now(), app.now() as Instant, 10)
      .then(async () => app.endedRuns.list(app.now(), after(app.now(), milliseconds(-DAY)), 10));
    expect(runs).toMatchObject([{ run: "etl", outcome: "succeeded" }]);
  });
});

test("a cancel of a run whose record has expired finds nothing", async () => {
  const app = await lostOnce();
  app.pass(milliseconds(DAY + 1000));
  expect(await cancel(app, "nightly")).toEqual({ kind: "not-found" });
  expect((await claim(app, claimsOf(`nightly.1.1.2.120000.old.${"a".repeat(43)}`), holder("c"))).reply).toEqual({
    kind: "ended",
  });
});

test("a ticket of a former life opens nothing in the next one", async () => {
  const app = service({ retention: DAY });
  const ticket = await ticketOf(app, "nightly", LAST);
  await cancel(app, "nightly");
  app.pass(milliseconds(DAY + 1000));
  await ticketOf(app, "nightly", LAST);
  expect((await claim(app, ticket, holder("c"))).reply.kind).toMatch(/superseded|ended/);
});
