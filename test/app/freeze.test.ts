import { describe, expect, test } from "vitest";
import { beat } from "../../lib/app/beat.ts";
import { canary } from "../../lib/app/canary.ts";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { inspect, pauseNow } from "../../lib/app/inspect.ts";
import { notice } from "../../lib/app/notice.ts";
import { sweep } from "../../lib/app/sweep.ts";
import type { SweepCounts } from "../../lib/app/sweep-counts.ts";
import { after, instant, seconds } from "../../lib/core/time.ts";
import type { Claims } from "../../lib/wire/credentials.ts";
import { claimsOf, holder, type Service, service, specWith, ticketOf, tokenOf } from "./service.ts";

const at = (time: string) => instant(Date.parse(`2026-11-22T${time}Z`));

/** Ten seconds pass, and a sweep runs. */
async function nextSweep(app: Service): Promise<SweepCounts> {
  app.pass(seconds(10));
  const counts = await sweep(app, { period: seconds(10), until: after(app.now(), seconds(50)) });
  if (counts === undefined) throw new Error("the sweep was skipped");
  return counts;
}

/** So many runs, each on a host of its own unless it is named. */
async function fleet(
  app: Service,
  count: number,
  name = "run",
  spec = specWith(),
  host?: string,
): Promise<readonly Claims[]> {
  const tokens: Claims[] = [];
  for (let index = 0; index < count; index += 1) {
    const by = { id: index.toString(16).padStart(32, "0"), host: host ?? `${name}-host-${index}` };
    tokens.push(await tokenOf(app, `${name}-${index}`, spec, by));
  }
  return tokens;
}

/** Sweeps until a time of the day; what each of them counted. */
async function sweptUntil(app: Service, time: string): Promise<readonly SweepCounts[]> {
  const all: SweepCounts[] = [];
  while (app.now() < at(time)) all.push(await nextSweep(app));
  return all;
}

const sum = (all: readonly SweepCounts[], of: keyof SweepCounts): number =>
  all.reduce((total, counts) => total + counts[of], 0);

describe("twenty hosts that fall silent at once", () => {
  test("are not declared lost for a quarter of an hour beyond their leases, and all of them within the limit then", async () => {
    const app = service();
    await fleet(app, 20);
    const frozen = await sweptUntil(app, "12:16:50");
    expect(sum(frozen, "reaped")).toBe(0);
    expect(app.messages()).toEqual([]);
    expect(frozen.findIndex(({ silent }) => silent === 1)).toBe(3); // 12:00:40, when the beat of each of them is late
    expect(frozen.findIndex(({ frozen: held }) => held === 20)).toBe(11); // 12:02:00, when they are due
    expect(sum(frozen, "valve")).toBe(0);
    const thawed = await sweptUntil(app, "12:17:30"); // from 12:17:00 on
    expect(thawed[0]).toMatchObject({ silent: 1, valve: 1 });
    expect(thawed.map(({ reaped, limited }) => [reaped, limited])).toEqual([
      [5, 15],
      [5, 10],
      [5, 5],
      [5, 0],
    ]);
    expect(app.messages().map(({ data }) => data.cause)).toEqual(Array.from({ length: 20 }, () => "lost"));
  });

  test("have a full lease when they are heard again", async () => {
    const app = service();
    const tokens = await fleet(app, 20);
    await sweptUntil(app, "12:10:00");
    for (const until of ["12:10:30", "12:11:00", "12:11:30", "12:11:50"]) {
      for (const token of tokens.slice(0, 15)) await beat(app, token);
      expect(sum(await sweptUntil(app, until), "reaped")).toBe(0);
    }
    // The floor is 12:10:00, when the last bad sweep was: the five that stayed away count from there.
    expect(await nextSweep(app)).toMatchObject({ silent: 0, frozen: 0, reaped: 5 });
  });

  test("twice have a quarter of an hour each time", async () => {
    const app = service();
    const tokens = await fleet(app, 20, "run", specWith({ onCutOff: "continue" }));
    const outages = [
      [at("12:02:00"), at("12:04:30")],
      [at("12:17:30"), at("12:21:30")],
    ] as const;
    const all: SweepCounts[] = [];
    while (app.now() < at("12:45:00")) {
      all.push(await nextSweep(app));
      const isOut = outages.some(([from, to]) => app.now() >= from && app.now() < to);
      if (!isOut && (app.now() / 1000) % 30 === 0) for (const token of tokens) await beat(app, token);
    }
    expect(sum(all, "reaped")).toBe(0);
  });

  test("are said to be frozen, since when, why, and until when at most", async () => {
    const app = service();
    const [token] = await fleet(app, 20);
    await sweptUntil(app, "12:02:00");
    const told = { since: at("12:00:40"), why: "silence" } as const;
    expect(await pauseNow(app)).toEqual({ ...told, until: at("12:17:00") });
    const hold = async () => (await inspect(app, token?.run ?? ""))?.hold;
    expect(await hold()).toEqual({ ...told, until: at("12:17:00") }); // 15 minutes beyond its own lease
    app.pass(seconds(60));
    expect([await pauseNow(app), await hold()]).toEqual([undefined, { ...told, until: at("12:04:00") }]);
    app.pass(seconds(60));
    expect(await hold()).toBeUndefined();
  });

  test("that fence themselves are charged to nothing: we had cut them off", async () => {
    const app = service();
    const [token] = await fleet(app, 20);
    if (token === undefined) throw new Error("no token");
    await sweptUntil(app, "12:01:40");
    expect(await finish(app, token, { outcome: "interrupted", reason: "self-fenced" })).toMatchObject({
      state: "queued",
    });
    expect((await inspect(app, token.run))?.lines[0]?.end).toMatchObject({ cause: "cut-off", charge: "-" });
    expect(app.messages()).toMatchObject([{ data: { cause: "cut-off", budgets: { losses: { used: 0 } } } }]);
  });

  test("do not hold back a verdict that rests on evidence", async () => {
    const app = service();
    await fleet(app, 20);
    const doomed = await ticketOf(app, "doomed");
    await claim(app, doomed, holder("b"));
    const evidence = { id: "e1", source: "aws.ec2", kind: "spot-interruption", at: at("12:01:00") } as const;
    await app.hosts.record("i-b", evidence, app.now(), app.retention);
    const counts = await sweptUntil(app, "12:02:00");
    expect(counts.at(-1)).toMatchObject({ silent: 1, frozen: 20, reaped: 1 });
    expect(app.messages()).toMatchObject([{ data: { run: "doomed", cause: "interrupted" } }]);
  });

  test("hold back an attempt that nobody has claimed in time, too", async () => {
    const app = service();
    await ticketOf(app, "unclaimed", specWith({ startWithin: seconds(90) }));
    await fleet(app, 20);
    await sweptUntil(app, "12:02:00");
    expect((await inspect(app, "unclaimed"))?.current).toMatchObject({ state: "queued", charges: "" });
  });

  test("leave the floor in the control before any verdict is held back by it", async () => {
    const app = service();
    await fleet(app, 20);
    await sweptUntil(app, "12:02:00");
    expect((await app.control.frontDoor()).freeze).toEqual({
      since: at("12:00:40"),
      lastBad: at("12:02:00"),
      why: "silence",
      until: at("12:17:00"),
      floors: { 6: at("12:02:00") },
    });
  });

  test("are not judged by a sweep that cannot write the floor; who has evidence is", async () => {
    const app = service();
    await fleet(app, 20);
    await claim(app, await ticketOf(app, "doomed"), holder("b"));
    const evidence = { id: "e1", source: "aws.ec2", kind: "spot-interruption", at: at("12:01:00") } as const;
    await app.hosts.record("i-b", evidence, app.now(), app.retention);
    app.control.rememberFreeze = async () => {
      throw new Error("the control is away");
    };
    app.pass(seconds(120));
    await expect(nextSweep(app)).rejects.toThrow("the control is away");
    expect(app.messages()).toMatchObject([{ data: { run: "doomed", cause: "interrupted" } }]);
  });
});

test("hosts that were silent while no sweep looked have a lease from the first one on, and so has who was not there before", async () => {
  const app = service();
  await fleet(app, 20);
  const others = await fleet(app, 20, "back");
  await sweptUntil(app, "12:01:00");
  app.pass(seconds(300));
  for (const token of others) await beat(app, token);
  expect(await nextSweep(app)).toMatchObject({ frozen: 20, reaped: 0, silent: 0 });
  expect(await pauseNow(app)).toMatchObject({ why: "sweeps", until: at("12:17:00") });
  const all: SweepCounts[] = [];
  while (app.now() < at("12:08:20")) {
    for (const token of others) await beat(app, token);
    all.push(await nextSweep(app));
  }
  expect(all.map(({ reaped }) => reaped)).toEqual([...Array.from({ length: 11 }, () => 0), 5, 5]);
});

test("a sweep that is the first one for a minute of a service that had nothing to do freezes nobody", async () => {
  const app = service();
  await nextSweep(app);
  app.pass(seconds(600));
  await fleet(app, 3);
  expect(await nextSweep(app)).toMatchObject({ live: 3 });
  expect(await pauseNow(app)).toBeUndefined();
});

test("a host that drains is not given up during an outage: its attempts may be there yet", async () => {
  const app = service();
  await fleet(app, 20);
  const [drained, taken] = [await tokenOf(app, "drained"), await tokenOf(app, "taken", specWith(), holder("b"))];
  await notice(app, {
    host: "i-a",
    evidence: { id: "d", source: "lastbeat", kind: "drain", at: app.now(), deadline: at("13:00:00") },
  });
  await notice(app, {
    host: "i-b",
    evidence: { id: "s", source: "aws.ec2", kind: "spot-interruption", at: app.now(), deadline: at("12:02:00") },
  });
  await sweptUntil(app, "12:02:20");
  expect(await beat(app, drained)).toMatchObject({ kind: "renewed", directive: "drain" });
  expect(await beat(app, taken)).toMatchObject({ kind: "superseded" });
});

test("four hosts that fall silent at once are declared lost where there is no canary: that may be chance", async () => {
  const app = service();
  await fleet(app, 4);
  const counts = await sweptUntil(app, "12:02:00");
  expect(counts.at(-1)).toMatchObject({ silent: 0, frozen: 0, reaped: 4 });
});

/** Sweeps every ten seconds, and a canary that gets through each minute, from 12:00:05 on. */
async function withCanaryUntil(
  app: Service,
  time: string,
  isOut: () => boolean = () => false,
): Promise<readonly SweepCounts[]> {
  const all: SweepCounts[] = [];
  while (app.now() < at(time)) {
    app.pass(seconds(5));
    if ((app.now() / 1000) % 60 === 5)
      await canary(
        app,
        async () => !isOut(),
        async () => {},
      );
    app.pass(seconds(5));
    const counts = await sweep(app, { period: seconds(10), until: after(app.now(), seconds(50)) });
    if (counts !== undefined) all.push(counts);
  }
  return all;
}

describe("while the canary gets through", () => {
  test("a team with one node and five runs finds the loss of that node in a lease and a sweep", async () => {
    const app = service();
    await withCanaryUntil(app, "12:05:00");
    await fleet(app, 5, "run", specWith(), "node-1");
    const counts = await withCanaryUntil(app, "12:07:00");
    expect(counts.at(-1)).toMatchObject({ reaped: 5, frozen: 0 });
  });

  test("five test runs that die are found beside two hundred others, and so is one of these", async () => {
    const app = service();
    const others = await fleet(app, 200);
    const tests = await fleet(app, 8, "test", specWith({ lease: seconds(30) }));
    const all: SweepCounts[] = [];
    while (app.now() < at("12:05:00")) {
      const beating = [
        ...(app.now() < at("12:01:00") ? tests : tests.slice(5)),
        ...others.slice(app.now() < at("12:02:00") ? 0 : 1),
      ];
      for (const token of beating) await beat(app, token);
      all.push(...(await withCanaryUntil(app, new Date(app.now() + 10_000).toISOString().slice(11, 23))));
      if (app.now() === at("12:01:30")) expect(sum(all, "reaped")).toBe(5);
    }
    expect(sum(all, "reaped")).toBe(6);
    expect(sum(all, "silent")).toBe(0);
  });

  test("three runs with short leases are not lost in an outage that lies between two of its beats", async () => {
    const app = service();
    const tokens = await fleet(app, 3, "run", specWith({ lease: seconds(60), onCutOff: "continue" }));
    const isOut = (): boolean => app.now() >= at("12:05:06") && app.now() < at("12:06:04");
    const all: SweepCounts[] = [];
    while (app.now() < at("12:10:00")) {
      if (!isOut() && (app.now() / 1000) % 10 === 0) for (const token of tokens) await beat(app, token);
      all.push(...(await withCanaryUntil(app, new Date(app.now() + 10_000).toISOString().slice(11, 23), isOut)));
    }
    expect(sum(all, "reaped")).toBe(0);
    expect(sum(all, "frozen")).toBeGreaterThan(0);
  });
});

test("a canary that fails once freezes each lease for that lease, and the longest for a quarter of an hour", async () => {
  const app = service();
  await fleet(app, 5, "long", specWith({ lease: seconds(3600) }));
  app.pass(seconds(3600));
  await app.control.canaryFailed(app.now());
  await sweptUntil(app, "13:03:00"); // the five are due; the last bad sweep was at 13:01:20
  await tokenOf(app, "short");
  const all = await sweptUntil(app, "13:05:00");
  expect(all.at(-1)).toMatchObject({ reaped: 1, frozen: 5 });
  expect(sum(await sweptUntil(app, "13:15:00"), "reaped")).toBe(5);
});

test("a sweep whose pass takes longer than a lease freezes from its verdicts on, and not from its beginning", async () => {
  const app = service();
  await fleet(app, 6, "run", specWith({ lease: seconds(12) }));
  const { page } = app.runs;
  app.pass(seconds(7));
  app.runs.page = async (...asked) => {
    const found = await page(...asked);
    app.pass(seconds(3));
    return found;
  };
  expect(await nextSweep(app)).toMatchObject({ silent: 1, reaped: 0, frozen: 6 });
});

test("a claim at the gate does not judge by the clock during a freeze", async () => {
  const app = service();
  const token = await tokenOf(app, "etl");
  const stopping = { id: "e1", source: "aws.ec2", kind: "stopping", at: app.now() } as const;
  await notice(app, { host: "i-a", evidence: stopping });
  const successor = claimsOf(app.messages()[0]?.data.next.ticket);
  app.pass(seconds(110));
  await app.control.canaryFailed(app.now());
  expect(await nextSweep(app)).toMatchObject({ frozen: 1 });
  expect((await claim(app, successor, holder("b"))).reply).toEqual({ kind: "hold" });
  expect(await beat(app, token)).toMatchObject({ kind: "renewed" });
});

test("an attempt that fences itself while the others are heard is lost", async () => {
  const app = service();
  const token = await tokenOf(app, "etl");
  await sweptUntil(app, "12:01:40");
  await finish(app, token, { outcome: "interrupted", reason: "self-fenced" });
  expect((await inspect(app, "etl"))?.lines[0]?.end).toMatchObject({ cause: "lost", charge: "l" });
});

describe("a sweep", () => {
  test("declares at most five lost by the clock; the next ones find the others", async () => {
    const app = service();
    await fleet(app, 12, "run", specWith(), "i-a");
    app.pass(seconds(60));
    const healthy = await fleet(app, 30, "healthy");
    app.pass(seconds(50));
    for (const token of healthy) await beat(app, token);
    const counts = [await nextSweep(app), await nextSweep(app), await nextSweep(app)]; // from 12:02:00 on
    expect(counts.map(({ silent, reaped, limited }) => [silent, reaped, limited])).toEqual([
      [0, 5, 7],
      [0, 5, 2],
      [0, 2, 0],
    ]);
    expect(app.messages()).toHaveLength(12);
  });

  test("is not limited in verdicts that rest on evidence", async () => {
    const app = service();
    await fleet(app, 12, "run", specWith(), "i-a");
    const evidence = { id: "e1", source: "aws.ec2", kind: "evicted", at: at("12:01:00") } as const;
    await app.hosts.record("i-a", evidence, app.now(), app.retention);
    app.pass(seconds(110));
    expect(await nextSweep(app)).toMatchObject({ reaped: 12, limited: 0, frozen: 0 });
  });

  test("does not count what leaves: it has a reason to fall silent", async () => {
    const app = service();
    await fleet(app, 20, "run", specWith(), "i-a");
    await notice(app, { host: "i-a", evidence: { id: "e1", source: "aws.ec2", kind: "drain", at: app.now() } });
    app.pass(seconds(110));
    expect(await nextSweep(app)).toMatchObject({ silent: 0, reaped: 20 });
    expect(claimsOf(app.messages()[0]?.data.next.ticket).attempt).toBe(2);
  });
});
