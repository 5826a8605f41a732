import { describe, expect, test } from "vitest";
import { beat } from "../../lib/app/beat.ts";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { inspect } from "../../lib/app/inspect.ts";
import { type NoticeCounts, notice } from "../../lib/app/notice.ts";
import { reap } from "../../lib/app/reap.ts";
import { noticeOfRunner } from "../../lib/app/runner-notice.ts";
import type { Evidence } from "../../lib/core/evidence.ts";
import type { Run } from "../../lib/core/run.ts";
import type { Spec } from "../../lib/core/spec.ts";
import { after, type Instant, instant, milliseconds, type Span, seconds } from "../../lib/core/time.ts";
import type { Claims } from "../../lib/wire/credentials.ts";
import { continuedOf, ownMessage } from "../../lib/wire/own-events.ts";
import { claimsOf, holder, NOON, type Service, service, specWith, ticketOf, tokenOf } from "./service.ts";

const SUCCESS = { outcome: "succeeded", exitCode: 0 } as const;
const TERMED = { outcome: "interrupted", reason: "sigterm" } as const;
const NOTHING: NoticeCounts = { leaving: 0, reaped: 0, refunded: 0, noted: 0 };

const at = (time: string): Instant => instant(Date.parse(`2026-11-22T${time}Z`));

const told = (kind: Evidence["kind"], when: Instant, own: Partial<Evidence> = {}): Evidence => ({
  id: `${kind}-1`,
  source: "aws.ec2",
  kind,
  at: when,
  ...own,
});

/** The two minutes' warning for host i-a, given now. */
const warning = (app: Service) => ({
  host: "i-a",
  evidence: told("spot-interruption", app.now(), { deadline: after(app.now(), seconds(120)) }),
});

const gone = (when: Instant, kind: Evidence["kind"] = "terminated") => ({
  host: "i-a",
  evidence: told(kind, when, { goneAt: when }),
});

/** A run that host i-a carries since noon, and that beat at 12:00:30, when the warning comes. */
async function warned(spec?: Spec): Promise<{ app: Service; token: Claims; successor: Claims | undefined }> {
  const app = service();
  const token = await tokenOf(app, "etl", spec);
  app.pass(seconds(30));
  await beat(app, token);
  await notice(app, warning(app));
  const ticket = app.messages()[0]?.data.next.ticket;
  return { app, token, successor: ticket === undefined ? undefined : claimsOf(ticket) };
}

async function handedOver(): Promise<{ app: Service; token: Claims; successor: Claims }> {
  const { successor, ...rest } = await warned();
  if (successor === undefined) throw new Error("no successor was announced");
  return { ...rest, successor };
}

const itemOf = (app: Service): Run | undefined => app.runs.items()[0];

describe("a spot warning", () => {
  test("makes the attempt leave, and announces its successor at once, held", async () => {
    const { app, token } = await warned();
    expect(itemOf(app)).toMatchObject({ state: "leaving", attempt: 1, fence: token.fence });
    expect(itemOf(app)).not.toHaveProperty("debt");
    expect(app.messages()).toMatchObject([
      {
        id: `etl.${token.fence + 1}`,
        time: "2026-11-22T12:00:30.000Z",
        data: {
          cause: "interrupted",
          previous: { attempt: 1, holder: holder("a") },
          next: { attempt: 2, fence: token.fence + 1, held: true, startBy: "2026-11-22T12:15:30.000Z" },
        },
      },
    ]);
  });

  test("reaches the attempt with its next beat: drain, and until when", async () => {
    const { app, token } = await warned();
    app.pass(seconds(10));
    expect(await beat(app, token)).toEqual({
      kind: "renewed",
      lease: 120_000,
      directive: "drain",
      reason: "spot-interruption",
      deadline: at("12:02:30.000"),
    });
  });

  test("says how many attempts it has concerned, and how", async () => {
    const app = service();
    await tokenOf(app, "one");
    await tokenOf(app, "two");
    expect(await notice(app, warning(app))).toEqual({ ...NOTHING, leaving: 2 });
    expect(app.logged.at(-1)).toEqual({
      decision: "noticed",
      state: "spot-interruption",
      counts: { ...NOTHING, leaving: 2 },
    });
  });

  test("for a host that carries nothing of ours is kept, and changes nothing", async () => {
    const app = service();
    expect(await notice(app, warning(app))).toEqual(NOTHING);
    expect(await app.hosts.evidence("i-a")).toHaveLength(1);
  });

  test("concerns no attempt on another host", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    await notice(app, { ...warning(app), host: "i-b" });
    app.pass(seconds(1));
    expect(await beat(app, token)).toMatchObject({ directive: "continue" });
  });

  test("concerns no attempt whose claim on this host was refused", async () => {
    const app = service();
    const ticket = await ticketOf(app, "etl");
    await claim(app, ticket, holder("b"));
    expect((await claim(app, ticket, holder("a"))).reply).toEqual({ kind: "held-by-another" });
    expect(await app.hosts.entries("i-a", app.now())).toEqual([]); // who holds a ticket cannot fill other hosts
    expect(await notice(app, warning(app))).toEqual(NOTHING);
    expect(itemOf(app)).toMatchObject({ state: "running" });
  });

  test("does not announce anybody when the interruption budget is spent: it drains only", async () => {
    const { app, token } = await warned(specWith({ budgets: { crashes: 0, interruptions: 0, losses: 3, starts: 5 } }));
    app.pass(seconds(10));
    expect(await beat(app, token)).toMatchObject({ directive: "drain" });
    expect(app.messages()).toEqual([]);
    expect(await finish(app, token, TERMED)).toEqual({ kind: "finished", state: "ended", outcome: "exhausted" });
  });
});

describe("the successor", () => {
  test("is held until the old attempt has finished, and is claimed then", async () => {
    const { app, token, successor } = await handedOver();
    app.pass(seconds(20));
    expect(await claim(app, successor, holder("b"))).toEqual({ reply: { kind: "hold" } });
    expect(await finish(app, token, TERMED)).toEqual({ kind: "finished", state: "queued" });
    expect((await claim(app, successor, holder("b"))).reply).toMatchObject({
      kind: "claimed",
      attempt: 2,
      fence: token.fence + 1,
      directive: "continue",
    });
  });

  test("is announced again when the old attempt is gone, with the same id, and no longer held", async () => {
    const { app, token } = await handedOver();
    await finish(app, token, TERMED);
    expect(app.messages()).toMatchObject([
      { id: `etl.${token.fence + 1}`, data: { next: { held: true } } },
      { id: `etl.${token.fence + 1}`, data: { next: { held: false }, budgets: { interruptions: { used: 1 } } } },
    ]);
  });

  test("is claimed in the very claim that finds the old lease over", async () => {
    const { app, token, successor } = await handedOver();
    app.pass(milliseconds(119_999));
    expect((await claim(app, successor, holder("b"))).reply).toEqual({ kind: "hold" });
    app.pass(milliseconds(1));
    expect((await claim(app, successor, holder("b"))).reply).toMatchObject({ kind: "claimed", attempt: 2 });
    expect(await beat(app, token)).toMatchObject({ kind: "superseded", attempt: 2 });
    expect((await inspect(app, "etl"))?.lines).toMatchObject([
      { end: { cause: "interrupted", charge: "i", leaveReason: "spot-interruption" } },
      { claim: { attempt: 2, holder: holder("b") } },
    ]);
  });

  test("is claimed in the very claim that finds the old host gone", async () => {
    const { app, token, successor } = await handedOver();
    app.pass(seconds(5));
    const eviction = told("evicted", app.now(), { goneAt: after(app.now(), seconds(15)) });
    expect(await notice(app, { host: "i-a", evidence: eviction })).toEqual({ ...NOTHING, noted: 1 });
    app.pass(milliseconds(14_999));
    expect((await claim(app, successor, holder("b"))).reply).toEqual({ kind: "hold" });
    app.pass(milliseconds(1));
    expect((await claim(app, successor, holder("b"))).reply).toMatchObject({ kind: "claimed", attempt: 2 });
    expect(await beat(app, token)).toMatchObject({ kind: "superseded" });
  });

  test("is not claimed when the old attempt has beaten since its host was said to be gone", async () => {
    const { app, token, successor } = await handedOver();
    await app.hosts.record("i-a", gone(at("12:00:31.000")).evidence, app.now(), app.retention);
    app.pass(seconds(10));
    await beat(app, token); // 12:00:40, more than the margin of 5 s after the "death"
    expect((await claim(app, successor, holder("b"))).reply).toEqual({ kind: "hold" });
  });

  test("finds the run ended when the old attempt succeeds after all", async () => {
    const { app, token, successor } = await handedOver();
    app.pass(seconds(60));
    expect((await claim(app, successor, holder("b"))).reply).toEqual({ kind: "hold" });
    expect(await finish(app, token, SUCCESS)).toMatchObject({ outcome: "succeeded" });
    expect((await claim(app, successor, holder("b"))).reply).toEqual({ kind: "ended" });
    expect((await inspect(app, "etl"))?.current.charges).toBe("+");
    expect(app.messages()).toHaveLength(1);
  });

  test("finds the run ended when the old attempt ends it with its own failure", async () => {
    const { app, token, successor } = await handedOver();
    expect(await finish(app, token, { outcome: "failed", exitCode: 1 })).toMatchObject({ outcome: "failed" });
    expect((await claim(app, successor, holder("b"))).reply).toEqual({ kind: "ended" });
  });

  test("of whom two pods claim is one: the second is refused before its child starts", async () => {
    const { app, token, successor } = await handedOver();
    await finish(app, token, TERMED);
    const kinds = [await claim(app, successor, holder("b")), await claim(app, successor, holder("c"))];
    expect(kinds.map(({ reply }) => reply.kind)).toEqual(["claimed", "held-by-another"]);
  });
});

describe("a notice before the claim", () => {
  test("is seen by the claim, which is held; the ticket stays good, and nothing is spent", async () => {
    const app = service();
    await notice(app, warning(app));
    app.pass(seconds(5));
    const ticket = await ticketOf(app, "etl");
    for (let tried = 0; tried < 20; tried += 1) {
      app.pass(seconds(1));
      expect((await claim(app, ticket, holder("a"))).reply).toEqual({ kind: "hold" });
    }
    expect(itemOf(app)).toMatchObject({ state: "queued", charges: "" });
    expect((await claim(app, ticket, holder("b"))).reply).toMatchObject({ kind: "claimed", attempt: 1 });
  });

  test("that comes between the claim's look at its host and its write makes it look again", async () => {
    const app = service();
    const ticket = await ticketOf(app, "etl");
    const { evidence } = app.hosts;
    app.hosts.evidence = async (host) => {
      const seen = await evidence(host); // the claim has looked
      app.hosts.evidence = evidence;
      await notice(app, warning(app));
      return seen;
    };
    expect((await claim(app, ticket, holder("a"))).reply).toEqual({ kind: "hold" });
    expect(itemOf(app)).toMatchObject({ state: "queued", charges: "" });
  });

  test("of more than two minutes ago is about the host's former life", async () => {
    const app = service();
    await notice(app, warning(app));
    app.pass(milliseconds(120_001));
    const { reply } = await claim(app, await ticketOf(app, "etl"), holder("a"));
    expect(reply).toMatchObject({ kind: "claimed", directive: "continue" });
  });

  test("does not let a successor on the same host spend the budget: it waits until the host may be used again", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    await notice(app, warning(app));
    await finish(app, token, TERMED);
    const ticket = claimsOf(app.messages().at(-1)?.data.next.ticket);
    for (let waited = 0; waited < 120; waited += 10) {
      expect((await claim(app, ticket, holder("a"))).reply).toEqual({ kind: "hold" });
      app.pass(seconds(10));
    }
    app.pass(seconds(1));
    expect((await claim(app, ticket, holder("a"))).reply).toMatchObject({ kind: "claimed", attempt: 2 });
    expect(itemOf(app)).toMatchObject({ charges: "i" });
  });
});

describe("a notice that is delivered again", () => {
  test("has no second effect", async () => {
    const { app } = await handedOver();
    const before = JSON.stringify(app.runs.items());
    app.pass(seconds(30));
    const { evidence } = { evidence: told("spot-interruption", at("12:00:30.000")) };
    expect(await notice(app, { host: "i-a", evidence })).toEqual({ ...NOTHING, noted: 1 });
    const now = app.runs.items().map((run) => ({ ...run, rev: run.rev - 1 })); // a verdict under way looks again
    expect(JSON.stringify(now)).toBe(before);
    expect(app.messages()).toHaveLength(1);
    expect(await app.hosts.evidence("i-a")).toHaveLength(1);
  });

  test("sends the message that an earlier delivery could not send, and fails until it can", async () => {
    const app = service();
    await tokenOf(app, "etl");
    const { send } = app.requeues;
    app.requeues.send = async () => {
      throw new Error("SQS is away");
    };
    const word = warning(app);
    await expect(notice(app, word)).rejects.toThrow("SQS is away");
    expect(itemOf(app)).toMatchObject({ state: "leaving", debt: { owes: "handover" } });
    app.requeues.send = send;
    expect(await notice(app, word)).toEqual({ ...NOTHING, noted: 1 });
    expect(app.messages()).toMatchObject([{ data: { next: { attempt: 2, held: true } } }]);
    expect(itemOf(app)).not.toHaveProperty("debt");
  });

  test("is not needed when a sweep comes first: the debt stands in the item", async () => {
    const app = service();
    await tokenOf(app, "etl");
    const { send } = app.requeues;
    app.requeues.send = async () => {
      throw new Error("SQS is away");
    };
    await expect(notice(app, warning(app))).rejects.toThrow("SQS is away");
    app.requeues.send = send;
    app.pass(seconds(20));
    await app.swept(); // 30 s after the debt was made
    expect(app.messages()).toMatchObject([{ data: { next: { held: true } } }]);
  });

  test("tells the other attempts although one of them fails", async () => {
    const app = service();
    const bad = await tokenOf(app, "bad");
    await tokenOf(app, "good");
    const { read } = app.specs;
    app.specs.read = async (run, now) => (run === bad.run ? undefined : read(run, now));
    await expect(notice(app, warning(app))).rejects.toThrow("run bad has an item but no spec");
    expect(app.messages().map(({ data }) => data.run)).toEqual(["good"]);
  });
});

describe("a host name that is used again", () => {
  test("keeps an old event away from what stands there now", async () => {
    const app = service();
    await finish(app, await tokenOf(app, "first"), SUCCESS);
    app.pass(seconds(600));
    const token = await tokenOf(app, "second"); // 12:10:00
    expect(await notice(app, gone(at("12:00:30.000")))).toEqual(NOTHING);
    app.pass(seconds(1));
    expect(await beat(app, token)).toMatchObject({ directive: "continue" });
  });

  test("keeps what was claimed there at the time of the death from being reaped", async () => {
    const app = service();
    app.pass(seconds(600));
    const token = await tokenOf(app, "etl"); // 12:10:00
    app.pass(seconds(1));
    expect((await notice(app, gone(at("12:10:00.500")))).reaped).toBe(0);
    expect(await beat(app, token)).toMatchObject({ kind: "renewed" });
  });
});

/** Feeds the messages that a notice has sent to itself back to it; how many there were, and what they did in all. */
async function carriedOn(app: Service, first: NoticeCounts): Promise<{ messages: number; leaving: number }> {
  let leaving = first.leaving;
  let messages = 0;
  for (; messages < app.notices.sent.length && messages < 20; messages += 1) {
    const message = ownMessage(app.notices.sent[messages]);
    if (message?.["detail-type"] !== "Lastbeat Notice Continued") throw new Error("another message than was asked for");
    const { notice: rest, seenUpTo } = continuedOf(message.detail);
    leaving += (await notice(app, rest, seenUpTo)).leaving;
  }
  return { messages, leaving };
}

async function crowded(apart: Span): Promise<Service> {
  const app = service();
  for (let run = 0; run < 450; run += 1) {
    await tokenOf(app, `run-${run}`);
    app.pass(apart);
  }
  return app;
}

describe("a host with 450 attempts", () => {
  test("is told in three messages, until all are seen", async () => {
    const app = await crowded(milliseconds(7));
    const first = await notice(app, warning(app));
    expect(first.leaving).toBe(200);
    expect(await carriedOn(app, first)).toEqual({ messages: 2, leaving: 450 });
    expect(app.messages()).toHaveLength(450);
  });

  test("is told whole although many were claimed in the same millisecond", async () => {
    const app = await crowded(milliseconds(0));
    expect(await carriedOn(app, await notice(app, warning(app)))).toMatchObject({ leaving: 450 });
  });
});

describe("proof that a host is gone", () => {
  test("reaps at once, without waiting for the lease", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(30));
    expect(await notice(app, gone(app.now(), "evicted"))).toEqual({ ...NOTHING, reaped: 1 });
    expect(app.messages()).toMatchObject([
      { data: { cause: "interrupted", previous: { evidence: [{ kind: "evicted" }] }, next: { held: false } } },
    ]);
    expect(await beat(app, token)).toMatchObject({ kind: "superseded", attempt: 2 });
    expect((await inspect(app, "etl"))?.lines[0]?.end).toMatchObject({ cause: "interrupted", charge: "i" });
  });

  test("that does not say why is a loss, found at once", async () => {
    const app = service();
    await tokenOf(app, "etl");
    app.pass(seconds(30));
    await notice(app, gone(app.now()));
    expect((await inspect(app, "etl"))?.lines[0]?.end).toMatchObject({
      cause: "lost",
      endedAt: at("12:00:30.000"),
      evidence: [{ kind: "terminated" }],
    });
  });

  test("after the warning is an interruption, with the warning as its evidence", async () => {
    const { app, token } = await handedOver();
    app.pass(seconds(60));
    await notice(app, gone(app.now()));
    expect((await inspect(app, "etl"))?.lines[0]?.end).toMatchObject({
      cause: "interrupted",
      charge: "i",
      evidence: [{ kind: "spot-interruption" }, { kind: "terminated" }],
    });
    expect(await beat(app, token)).toMatchObject({ kind: "superseded" });
  });

  test("is disproved by a later beat: the attempt is told to leave, and goes on", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(30));
    await beat(app, token);
    expect((await notice(app, gone(at("12:00:20.000")))).reaped).toBe(0);
    app.pass(seconds(1));
    expect(await beat(app, token)).toMatchObject({ kind: "renewed" });
  });

  test("loses against a beat that comes while the verdict is being written", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(30));
    const { replace } = app.runs;
    app.runs.replace = async (...write) => {
      app.runs.replace = replace;
      app.pass(seconds(6));
      await beat(app, token);
      return replace(...write);
    };
    expect((await notice(app, gone(at("12:00:30.000")))).reaped).toBe(0);
    expect(await beat(app, token)).toMatchObject({ kind: "renewed" });
  });

  test("does not judge by the clock an attempt that stands elsewhere by now", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    await finish(app, token, TERMED);
    await claim(app, claimsOf(app.messages()[0]?.data.next.ticket), holder("b"));
    app.pass(seconds(120)); // attempt 2 on i-b is due: that is the sweep's to judge, and a freeze may hold it back
    expect((await notice(app, gone(at("12:00:30.000")))).reaped).toBe(0);
    expect(itemOf(app)).toMatchObject({ state: "running", attempt: 2 });
  });
});

describe("evidence that comes minutes after the verdict", () => {
  const evicted = { host: "i-a", evidence: told("evicted", at("12:01:50.000"), { goneAt: at("12:02:05.000") }) };

  async function lost(spec?: Spec): Promise<{ app: Service; token: Claims }> {
    const app = service();
    const token = await tokenOf(app, "etl", spec);
    app.pass(seconds(120));
    await app.swept(); // 12:02:10
    app.pass(seconds(300));
    return { app, token };
  }

  const charged = async (app: Service) => {
    const found = await inspect(app, "etl");
    return [found?.current.charges, found?.lines[0]?.end?.cause, found?.lines[0]?.end?.charge];
  };

  test("moves the charge from losses to interruptions, in the run and in its ledger, once", async () => {
    const { app } = await lost();
    expect(await charged(app)).toEqual(["l", "lost", "l"]);
    expect(await notice(app, evicted)).toEqual({ ...NOTHING, refunded: 1 });
    expect(await charged(app)).toEqual(["i", "interrupted", "i"]);
    expect((await inspect(app, "etl"))?.lines[0]?.end?.evidence).toMatchObject([{ kind: "evicted" }]);
    expect(await notice(app, evicted)).toEqual({ ...NOTHING, noted: 1 });
    expect(app.messages()).toHaveLength(1);
  });

  test("moves it while the next attempt runs, which notices nothing", async () => {
    const { app } = await lost();
    const { token } = await claim(app, claimsOf(app.messages()[0]?.data.next.ticket), holder("b"));
    expect(await notice(app, evicted)).toEqual({ ...NOTHING, refunded: 1 });
    expect(await charged(app)).toEqual(["i", "interrupted", "i"]);
    app.pass(seconds(1));
    expect(await beat(app, claimsOf(token))).toMatchObject({ kind: "renewed", directive: "continue" });
  });

  test("moves it in the record of a run whose item is gone, and does not revive it", async () => {
    const { app, token } = await lost(specWith({ budgets: { attempts: 1 } }));
    await app.swept();
    expect(app.runs.items().length).toBe(0);
    expect(await notice(app, evicted)).toEqual({ ...NOTHING, refunded: 1 });
    expect(await charged(app)).toEqual(["i", "interrupted", "i"]);
    expect((await claim(app, token, holder("b"))).reply).toEqual({ kind: "ended" });
    app.pass(seconds(60));
    await app.swept();
    expect(app.runs.items().length).toBe(0);
    expect(await charged(app)).toEqual(["i", "interrupted", "i"]);
    expect((await inspect(app, "etl"))?.current).toMatchObject({ outcome: "exhausted" });
    expect(await notice(app, evicted)).toEqual({ ...NOTHING, noted: 1 });
    expect(app.runs.items().length).toBe(0);
  });

  test("moves nothing when it is about a time before or after the attempt", async () => {
    const { app } = await lost();
    for (const clock of ["11:58:59.999", "12:03:10.001"])
      await notice(app, { host: "i-a", evidence: told("evicted", at(clock)) });
    expect(await charged(app)).toEqual(["l", "lost", "l"]);
  });

  test("moves nothing when it does not say that capacity was taken", async () => {
    const { app } = await lost();
    expect(await notice(app, gone(at("12:01:50.000")))).toEqual({ ...NOTHING, noted: 1 });
    expect(await charged(app)).toEqual(["l", "lost", "l"]);
  });

  test("moves nothing of an attempt that ended otherwise", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    await finish(app, token, { outcome: "failed", exitCode: 1 });
    app.pass(seconds(300));
    expect(await notice(app, { host: "i-a", evidence: told("evicted", NOON) })).toEqual(NOTHING);
    expect(await charged(app)).toEqual(["c", "crashed", "c"]);
  });

  test("moves nothing of a run id's former life", async () => {
    const app = service();
    await app.hosts.enter(
      "i-a",
      { run: "nobody", shard: 2, fence: (await ticketOf(app, "etl")).fence, at: NOON },
      NOON,
    );
    expect(await notice(app, { host: "i-a", evidence: told("evicted", NOON) })).toEqual({ ...NOTHING, noted: 1 });
  });

  test("moves the charge that is still owed to the ledger", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    const { end } = app.ledger;
    app.ledger.end = async () => {
      throw new Error("the ledger is away");
    };
    app.pass(seconds(120));
    await app.swept();
    app.ledger.end = end;
    expect(await notice(app, evicted)).toEqual({ ...NOTHING, refunded: 1 });
    expect(await charged(app)).toEqual(["i", "interrupted", "i"]);
    expect(app.messages()).toMatchObject([{ id: `etl.${token.fence + 1}` }]);
  });
});

test("a notice that a verdict overtakes moves the charge: the verdict had not seen its evidence yet", async () => {
  const app = service();
  const token = await tokenOf(app, "etl");
  app.pass(seconds(120));
  const { read } = app.specs;
  const { evidence } = app.hosts;
  app.specs.read = async (...asked) => {
    app.specs.read = read; // the notice has read the run as running; before it writes, a reap declares it lost
    app.hosts.evidence = async () => [];
    await reap(app, token);
    app.hosts.evidence = evidence;
    return read(...asked);
  };
  const word = { host: "i-a", evidence: told("spot-interruption", at("12:01:50.000")) };
  expect(await notice(app, word)).toEqual({ ...NOTHING, refunded: 1 });
  expect((await inspect(app, "etl"))?.lines[0]?.end).toMatchObject({ cause: "interrupted", charge: "i" });
});

describe("a runner's word about itself", () => {
  const sigterm = (app: Service) => ({ ...told("sigterm", app.now()), source: "runner" });

  test("makes its own attempt leave, and no other on its host", async () => {
    const app = service();
    const token = await tokenOf(app, "own");
    const other = await tokenOf(app, "other");
    app.pass(seconds(1));
    expect(await noticeOfRunner(app, token, sigterm(app))).toBe("leaving");
    expect(await beat(app, token)).toMatchObject({ directive: "drain", reason: "sigterm" });
    expect(await beat(app, other)).toMatchObject({ directive: "continue" });
    expect(app.messages()).toMatchObject([{ data: { run: "own", next: { held: true } } }]);
  });

  test("of advice to rebalance is only noted, and one of an attempt that is over changes nothing", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    expect(await noticeOfRunner(app, token, told("rebalance", app.now()))).toBe("noted");
    await finish(app, token, TERMED);
    expect(await noticeOfRunner(app, token, sigterm(app))).toBe("noted");
    expect(await noticeOfRunner(app, { ...token, run: "nobody" }, sigterm(app))).toBe("noted");
  });

  test("moves the charge when the verdict was faster", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    app.pass(seconds(30));
    const said = sigterm(app);
    app.pass(seconds(120));
    await app.swept();
    expect(itemOf(app)).toMatchObject({ charges: "l" });
    expect(await noticeOfRunner(app, token, said)).toBe("refunded");
    expect(itemOf(app)).toMatchObject({ charges: "i" });
  });

  test("explains its end where the policy is ignore: evidence only is still evidence", async () => {
    const app = service();
    const token = await tokenOf(app, "etl", specWith({ onNotice: "ignore" }));
    app.pass(seconds(30));
    await noticeOfRunner(app, token, sigterm(app));
    app.pass(seconds(120));
    await app.swept();
    expect(app.messages()).toMatchObject([{ data: { cause: "interrupted" } }]);
  });
});

describe("a run with policy drain", () => {
  test("is told to drain, and its message goes when the old attempt is gone", async () => {
    const { app, token } = await warned(specWith({ onNotice: "drain" }));
    app.pass(seconds(10));
    expect(await beat(app, token)).toMatchObject({ directive: "drain", deadline: at("12:02:30.000") });
    expect(app.messages()).toEqual([]);
    await finish(app, token, TERMED);
    expect(app.messages()).toMatchObject([{ data: { cause: "interrupted", next: { held: false } } }]);
  });
});

describe("a run with policy ignore", () => {
  test("goes on, and its end is explained by the evidence", async () => {
    const { app, token } = await warned(specWith({ onNotice: "ignore" }));
    app.pass(seconds(10));
    expect(await beat(app, token)).toMatchObject({ directive: "continue" });
    expect(app.messages()).toEqual([]);
    app.pass(seconds(120));
    await app.swept();
    expect(app.messages()).toMatchObject([{ data: { cause: "interrupted" } }]);
  });
});

test("advice to rebalance changes no attempt, and explains nothing", async () => {
  const app = service();
  const token = await tokenOf(app, "etl");
  expect(await notice(app, { host: "i-a", evidence: told("rebalance", app.now()) })).toEqual(NOTHING);
  app.pass(seconds(1));
  expect(await beat(app, token)).toMatchObject({ directive: "continue" });
  app.pass(seconds(120));
  await app.swept();
  expect(app.messages()).toMatchObject([{ data: { cause: "lost" } }]);
});
