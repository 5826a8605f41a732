import { describe, expect, test } from "vitest";
import { beat } from "../../lib/app/beat.ts";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { inspect } from "../../lib/app/inspect.ts";
import { notice } from "../../lib/app/notice.ts";
import { expiryOf } from "../../lib/app/retention.ts";
import { type SweepCounts, sweep } from "../../lib/app/sweep.ts";
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

async function fleet(app: Service, count: number, name = "run"): Promise<readonly Claims[]> {
  const tokens: Claims[] = [];
  for (let index = 0; index < count; index += 1) tokens.push(await tokenOf(app, `${name}-${index}`));
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

describe("twenty attempts that fall silent at once", () => {
  test("are not declared lost while the freeze lasts, and all of them within the limit after the valve", async () => {
    const app = service();
    await fleet(app, 20);
    const frozen = await sweptUntil(app, "12:17:40");
    expect(sum(frozen, "reaped")).toBe(0);
    expect(app.messages()).toEqual([]);
    expect(frozen.findIndex(({ silent }) => silent === 1)).toBe(5); // 12:01:00, after half of their lease
    expect(frozen.findIndex(({ frozen: held }) => held === 20)).toBe(11); // 12:02:00, when they are due
    expect(frozen.findIndex(({ valve }) => valve === 1)).toBe(95); // 12:16:00, 15 minutes after the first bad sweep
    const thawed = await sweptUntil(app, "12:18:20"); // from 12:17:50 on: the last floor, 12:15:50, and a lease
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
    for (const until of ["12:10:30", "12:11:10", "12:11:50"]) {
      for (const token of tokens.slice(0, 15)) await beat(app, token);
      expect(sum(await sweptUntil(app, until), "reaped")).toBe(0);
    }
    // The floor is 12:10:00, when the last bad sweep was: the five that stayed away count from there.
    expect(await nextSweep(app)).toMatchObject({ silent: 0, frozen: 0, reaped: 5 });
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
    await app.hosts.record("i-b", evidence, expiryOf(app, app.now()));
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
    expect(await app.control.freeze()).toEqual({
      since: at("12:01:00"),
      floor: at("12:02:00"),
      lastBad: at("12:02:00"),
    });
  });

  test("are not judged by a sweep that cannot write the floor", async () => {
    const app = service();
    await fleet(app, 20);
    app.control.rememberFreeze = async () => {
      throw new Error("the control is away");
    };
    app.pass(seconds(120));
    await expect(nextSweep(app)).rejects.toThrow("the control is away");
    expect(app.messages()).toEqual([]);
  });
});

test("four attempts that fall silent at once are declared lost: that may be chance", async () => {
  const app = service();
  await fleet(app, 4);
  const counts = await sweptUntil(app, "12:02:00");
  expect(counts.at(-1)).toMatchObject({ silent: 0, frozen: 0, reaped: 4 });
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
    await fleet(app, 12);
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
    await fleet(app, 12);
    const evidence = { id: "e1", source: "aws.ec2", kind: "evicted", at: at("12:01:00") } as const;
    await app.hosts.record("i-a", evidence, expiryOf(app, app.now()));
    app.pass(seconds(110));
    expect(await nextSweep(app)).toMatchObject({ reaped: 12, limited: 0, frozen: 0 });
  });

  test("does not count what leaves: it has a reason to fall silent", async () => {
    const app = service();
    await fleet(app, 20);
    await notice(app, { host: "i-a", evidence: { id: "e1", source: "aws.ec2", kind: "drain", at: app.now() } });
    app.pass(seconds(110));
    expect(await nextSweep(app)).toMatchObject({ silent: 0, reaped: 20 });
    expect(claimsOf(app.messages()[0]?.data.next.ticket).attempt).toBe(2);
  });
});
