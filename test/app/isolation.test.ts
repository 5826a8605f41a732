import { describe, expect, test } from "vitest";
import { beat } from "../../lib/app/beat.ts";
import { claim } from "../../lib/app/claim.ts";
import { inTurns, Sample } from "../../lib/app/fairness.ts";
import { finish } from "../../lib/app/finish.ts";
import { notice } from "../../lib/app/notice.ts";
import { register } from "../../lib/app/register.ts";
import { sweep } from "../../lib/app/sweep.ts";
import type { SweepCounts } from "../../lib/app/sweep-counts.ts";
import { visitAll } from "../../lib/app/visit-all.ts";
import { after, type Instant, seconds } from "../../lib/core/time.ts";
import type { Claims } from "../../lib/wire/credentials.ts";
import { continuedOf, ownMessage } from "../../lib/wire/own-events.ts";
import { holder, type Service, service, specWith, ticketOf, tokenOf } from "./service.ts";

const HOST = "i-0123456789abcdef0";
const held = (index: number, host?: string) => ({
  id: index.toString(16).padStart(32, "0"),
  ...(host !== undefined && { host }),
});

async function swept(app: Service): Promise<SweepCounts> {
  app.pass(seconds(10));
  const counts = await sweep(app, { period: seconds(10), until: after(app.now(), seconds(50)) });
  if (counts === undefined) throw new Error("the sweep was skipped");
  return counts;
}

const isFound = (app: Service, token: Claims): boolean => app.runs.look(token)?.fence !== token.fence;

/** How many seconds pass until a silent death is found, up to an hour, while the others beat. */
async function foundAfter(app: Service, victim: Claims, healthy: readonly Claims[] = []): Promise<number> {
  const died = app.now();
  for (let waited = 0; waited < 3600; waited += 10) {
    for (const token of healthy) await beat(app, token);
    await swept(app);
    if (isFound(app, victim)) return (app.now() - died) / 1000;
  }
  return Number.POSITIVE_INFINITY;
}

describe("a silent death is found in a lease and a sweep", () => {
  test("beside five overdue runs whose messages the queue refuses", async () => {
    const app = service();
    const { send } = app.requeues;
    app.requeues.send = async (message) => {
      if (message.id.startsWith("owing")) throw new Error("InvalidMessageContents");
      return send(message);
    };
    for (let index = 0; index < 5; index += 1)
      await register(app, `owing-${index}`, specWith({ start: "dispatch", startWithin: seconds(60) }));
    for (let waited = 0; waited < 300; waited += 10) await swept(app);
    expect(await foundAfter(app, await tokenOf(app, "victim"))).toBe(120);
  });

  test("beside five dead runs whose verdicts cannot be written, however long they have been dead", async () => {
    const app = service();
    const { replace } = app.runs;
    for (let index = 0; index < 5; index += 1) await tokenOf(app, `poisoned-${index}`, specWith(), held(index));
    app.runs.replace = async (seen, ...rest) => {
      if (seen.run.startsWith("poisoned")) throw new Error("ValidationException: the item is too large");
      return replace(seen, ...rest);
    };
    const healthy: Claims[] = [];
    for (let index = 10; index < 20; index += 1)
      healthy.push(await tokenOf(app, `healthy-${index}`, specWith(), held(index)));
    for (let waited = 0; waited < 300; waited += 10) {
      for (const token of healthy) await beat(app, token);
      await swept(app);
    }
    expect(await foundAfter(app, await tokenOf(app, "victim", specWith(), held(9)), healthy)).toBe(120);
  });

  test("beside forty dead runs whose specs cannot be read", async () => {
    const app = service();
    const { read } = app.specs;
    for (let index = 0; index < 40; index += 1) await tokenOf(app, `poisoned-${index}`, specWith(), held(index));
    app.specs.read = async (run, now) => {
      if (run.startsWith("poisoned")) throw new Error("the item is garbled");
      return read(run, now);
    };
    const healthy: Claims[] = [];
    for (let index = 0; index < 80; index += 1)
      healthy.push(await tokenOf(app, `healthy-${index}`, specWith(), held(100 + index)));
    expect(await foundAfter(app, await tokenOf(app, "victim", specWith(), held(99)), healthy)).toBe(120);
  });

  test("while the requeue queue is away and hangs, with hundreds of messages owed", async () => {
    const app = service();
    for (let index = 0; index < 300; index += 1)
      await register(app, `owing-${index}`, specWith({ start: "dispatch", startWithin: seconds(3000) })).catch(
        () => {},
      );
    app.requeues.send = async () => {
      app.pass(seconds(1)); // 3 s and three tries at 32 at once are about a second for each
      throw new Error("the queue is away");
    };
    for (const { run, shard } of app.runs.items()) {
      const found = app.runs.look({ run, shard });
      if (found !== undefined)
        await app.runs.replace(found, { ...found, rev: found.rev + 1, debt: { since: app.now(), owes: "message" } });
    }
    const victim = await tokenOf(app, "victim");
    // A lease and two sweeps, each of which takes its 50 s, and what is under way then.
    expect(await foundAfter(app, victim)).toBeLessThanOrEqual(120 + 2 * (10 + 50 + 32));
  });
});

test("a verdict that cannot be written gives its place back to another one of the same sweep", async () => {
  const app = service();
  const { replace } = app.runs;
  for (let index = 0; index < 5; index += 1) await tokenOf(app, `poisoned-${index}`, specWith(), held(1, "node-1"));
  app.runs.replace = async (seen, ...rest) => {
    if (seen.run.startsWith("poisoned")) throw new Error("ValidationException: the item is too large");
    return replace(seen, ...rest);
  };
  app.pass(seconds(0.001)); // so that these are tried after the others
  for (let index = 0; index < 5; index += 1) await tokenOf(app, `dead-${index}`, specWith(), held(1, "node-1"));
  app.pass(seconds(110));
  expect(await swept(app)).toMatchObject({ reaped: 5, failed: 5, limited: 0 });
});

test("a debt is settled although verdicts take their time", async () => {
  const app = service();
  for (let index = 0; index < 200; index += 1) await tokenOf(app, `due-${index}`, specWith(), held(index));
  app.pass(seconds(130));
  const { send } = app.requeues;
  app.requeues.send = async () => {
    throw new Error("the queue is away for a moment");
  };
  await register(app, "owing", specWith({ start: "dispatch" }));
  app.pass(seconds(30));
  app.requeues.send = send;
  const { evidence } = app.hosts;
  app.hosts.evidence = async (host) => {
    app.pass(seconds(1));
    return evidence(host);
  };
  await swept(app);
  expect(app.messages().map(({ data }) => data.run)).toContain("owing");
});

test("a shard that cannot be read keeps no run of another shard waiting, and the sweep fails at the end", async () => {
  const app = service();
  const runs = Array.from({ length: 8 }, (_, index) => `run-${index}`);
  for (const run of runs) await tokenOf(app, run, specWith(), held(1, HOST));
  const { page } = app.runs;
  const broken = ((app.runs.items()[0]?.shard ?? 0) + 1) % 4; // all runs lie in one shard here: chance is fixed
  app.runs.page = async (shard, ...rest) => {
    if (shard === broken) throw new Error("InternalServerError");
    return page(shard, ...rest);
  };
  app.pass(seconds(600));
  await expect(swept(app)).rejects.toThrow("1 of 6 parts of a sweep failed, first: Error: InternalServerError");
  const reaped = app.logged.flatMap(({ decision, counts }) => (decision === "swept" ? [counts?.["reaped"] ?? 0] : []));
  expect(Math.max(...reaped)).toBeGreaterThan(0);
});

describe("a notice", () => {
  const spot = (at: Instant) => ({ id: "e1", source: "aws.ec2", kind: "spot-interruption", at }) as const;

  test("tells 250 attempts on a host although one of them cannot be written, in one delivery of each message", async () => {
    const app = service();
    const { replace } = app.runs;
    app.runs.replace = async (seen, next, ...rest) => {
      if (seen.run === "bad" && next.state === "leaving") throw new Error("ValidationException: the item is too large");
      return replace(seen, next, ...rest);
    };
    const tokens: Claims[] = [];
    for (let index = 0; index < 250; index += 1) {
      app.pass(seconds(0.01));
      tokens.push(await tokenOf(app, `run-${index}`, specWith(), held(index, HOST)));
    }
    await tokenOf(app, "bad", specWith(), held(999, HOST));
    app.pass(seconds(5));
    await expect(notice(app, { host: HOST, evidence: spot(app.now()) })).rejects.toThrow(
      "1 of 251 attempts of a notice failed, first: Error: ValidationException: the item is too large",
    );
    for (const message of app.notices.sent.splice(0)) {
      const own = ownMessage(JSON.parse(JSON.stringify(message)));
      if (own?.["detail-type"] !== "Lastbeat Notice Continued") continue;
      const { notice: told, seenUpTo } = continuedOf(own.detail);
      await notice(app, told, seenUpTo);
    }
    expect(tokens.filter((token) => app.runs.look(token)?.state !== "leaving")).toEqual([]);
  });

  test("of a host with thousands of attempts is told in parts that do not wait for one another", async () => {
    const app = service();
    for (let index = 0; index < 1001; index += 1)
      await app.hosts.enter(
        HOST,
        { run: `run-${index}`, shard: 0, fence: (await ticketOf(app, `run-${index}`)).fence, at: app.now() },
        app.now(),
      );
    await notice(app, { host: HOST, evidence: spot(app.now()) });
    const parts = app.notices.sent.splice(0).map((message) => ownMessage(JSON.parse(JSON.stringify(message))));
    expect(parts).toHaveLength(5);
    for (const part of parts) {
      if (part?.["detail-type"] !== "Lastbeat Notice Continued") throw new Error("another message");
      const { notice: told, seenUpTo } = continuedOf(part.detail);
      await notice(app, told, seenUpTo);
    }
    expect(app.notices.sent).toEqual([]); // a part begins no other one
    const counts = app.logged.flatMap(({ decision, counts: told }) =>
      decision === "noticed" ? [told?.["noted"]] : [],
    );
    expect(counts).toEqual([200, 200, 200, 200, 200, 1]);
  });
});

describe("who holds a credential", () => {
  test("of an ended run leaves nothing on the hosts that he names", async () => {
    const app = service();
    const ticket = await ticketOf(app, "etl");
    const token = await tokenOf(app, "etl");
    await finish(app, token, { outcome: "succeeded" });
    for (let index = 0; index < 20; index += 1) await claim(app, ticket, held(index, `host-${index}`));
    for (let index = 0; index < 20; index += 1) expect(await app.hosts.entries(`host-${index}`, app.now())).toEqual([]);
  });

  test("leaves one attempt on one host, and nothing once it has ended", async () => {
    const app = service();
    const token = await tokenOf(app, "etl", specWith(), holder("a"));
    expect(await app.hosts.entries("i-a", app.now())).toHaveLength(1);
    await finish(app, token, { outcome: "failed", exitCode: 1 });
    expect(await app.hosts.entries("i-a", app.now())).toEqual([]);
  });
});

describe("all are visited", () => {
  test("some at once, although some of them fail, and those are named in the end", async () => {
    const visited: number[] = [];
    const failures = await visitAll([1, 2, 3, 4, 5, 6, 7], 2, async (one) => {
      visited.push(one);
      if (one % 3 === 0) throw new Error(`no ${one}`);
    });
    expect(visited).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(failures.map(({ one, error }) => [one, String(error)])).toEqual([
      [3, "Error: no 3"],
      [6, "Error: no 6"],
    ]);
  });

  test("but no further than the time allows", async () => {
    const visited: number[] = [];
    await visitAll(
      [1, 2, 3],
      1,
      async (one) => void visited.push(one),
      () => visited.length < 2,
    );
    expect(visited).toEqual([1, 2]);
  });
});

describe("among more than can be seen to", () => {
  test("each has its chance, wherever it stands", () => {
    let rolled = 0;
    const roll = (): number => {
      rolled = (rolled + 0.618033988749895) % 1;
      return rolled;
    };
    const last = Array.from({ length: 200 }, () => {
      const sample = new Sample<number>(10, roll);
      for (let one = 0; one < 100; one += 1) sample.add(one);
      expect(sample.all).toHaveLength(10);
      return sample.all.filter((one) => one >= 90).length;
    });
    const share = last.reduce((sum, count) => sum + count, 0) / 2000;
    expect(share).toBeGreaterThan(0.05);
    expect(share).toBeLessThan(0.2);
  });

  test("those that come for the first time take turns with those that were tried before", () => {
    expect(inTurns(() => 0.99, ["a", "b", "c"], ["x"])).toEqual(["a", "x", "b", "c"]);
    expect(inTurns(() => 0.99, ["a"], ["x", "y", "z"])).toEqual(["a", "x", "y", "z"]);
    expect(inTurns(() => 0, [], ["x", "y", "z"])).toEqual(["y", "z", "x"]);
  });
});
