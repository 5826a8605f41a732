import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beat } from "../../lib/app/beat.ts";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { inspect } from "../../lib/app/inspect.ts";
import { cancel, requeue } from "../../lib/app/owner-requests.ts";
import { restore } from "../../lib/app/restore.ts";
import { after, type Instant, milliseconds, seconds, unixSeconds } from "../../lib/core/time.ts";
import type { Claims } from "../../lib/wire/credentials.ts";
import { claimsOf, holder, type Service, service, specWith, ticketOf, tokenOf } from "./service.ts";

/** Puts the run items back to what they were; the way DynamoDB does it, all that came after is forgotten. */
function backup(app: Service): () => Promise<void> {
  const items = app.runs.items();
  return async () => {
    for (const each of app.runs.items()) await app.runs.remove(each);
    for (const each of items) await app.runs.create(each);
  };
}

const SOON = (app: Service): Instant => after(app.now(), seconds(50));
const restoreNow = (app: Service) => restore(app, app.now(), SOON(app));

/** All that is owed is paid, and every backoff is over. */
async function quiet(app: Service): Promise<void> {
  for (let swept = 0; swept < 40; swept += 1) await app.swept();
}

async function sweepsUntil(app: Service, milliseconds: number): Promise<void> {
  while (app.now() < milliseconds) await app.swept();
}

const fencesIn = (app: Service): readonly number[] => app.messages().map(({ data }) => data.next.fence);

describe("a table that is put back to an earlier state", () => {
  test("gives a run another attempt, with a fence above that of an attempt that it has forgotten", async () => {
    const app = service();
    const token = await tokenOf(app, "etl");
    const back = backup(app);
    app.pass(seconds(60));
    await finish(app, token, { outcome: "interrupted" });
    await quiet(app);
    const forgotten = claimsOf(app.messages().at(-1)?.data.next.ticket);
    await claim(app, forgotten, holder("b"));
    await back();
    const at = app.now();
    expect(await restoreNow(app)).toEqual({ done: 1, left: 0 });
    expect(await beat(app, forgotten)).toMatchObject({ kind: "superseded" });
    await quiet(app);
    const { next } = app.messages().at(-1)?.data ?? {};
    expect(next?.fence).toBeGreaterThanOrEqual(unixSeconds(at));
    expect(next?.fence).toBeGreaterThan(forgotten.fence);
    expect(await claim(app, claimsOf(next?.ticket), holder("c"))).toMatchObject({ reply: { kind: "claimed" } });
  });

  test("charges nothing for it, and says what became of the attempt that was there", async () => {
    const app = service();
    await tokenOf(app, "etl");
    const back = backup(app);
    app.pass(seconds(600));
    await back();
    await restoreNow(app);
    await quiet(app);
    const found = await inspect(app, "etl");
    expect(found?.current).toMatchObject({ state: "queued", attempt: 2, charges: "-" });
    expect(found?.lines[0]).toMatchObject({ end: { attempt: 1, cause: "requeued" } });
  });

  test("does not start the next attempt before the lease of the one that it remembers is surely over", async () => {
    const app = service();
    await tokenOf(app, "etl", specWith({ lease: seconds(300) }));
    const back = backup(app);
    app.pass(seconds(200));
    await back();
    const at = app.now();
    await restoreNow(app);
    const told = app.messages().length;
    await sweepsUntil(app, at + 290_000);
    expect(app.messages()).toHaveLength(told);
    await quiet(app);
    expect(app.messages()).toHaveLength(told + 1);
  });

  test("does not start it beside an agent of which it knows nothing, because that has claimed since", async () => {
    const app = service();
    const ticket = await ticketOf(app, "etl", specWith({ lease: seconds(300) }));
    const back = backup(app);
    app.pass(seconds(10));
    const { token } = await claim(app, ticket, holder("b"));
    app.pass(seconds(100));
    await beat(app, claimsOf(token));
    const lastBeat = app.now();
    await back();
    await restoreNow(app);
    const told = app.messages().length;
    await sweepsUntil(app, lastBeat + 290_000);
    expect(app.messages()).toHaveLength(told);
    await quiet(app);
    expect(app.messages()).toHaveLength(told + 1);
  });

  test("says in its message what became of the attempt before", async () => {
    const app = service();
    await tokenOf(app, "etl");
    const back = backup(app);
    app.pass(seconds(60));
    await back();
    await restoreNow(app);
    await quiet(app);
    expect(app.messages().at(-1)?.data).toMatchObject({
      cause: "requeued",
      previous: { attempt: 1, holder: { id: "a".repeat(32) } },
      next: { attempt: 2 },
    });
  });

  test("ends a run that was being canceled, and leaves one that has ended as it is", async () => {
    const app = service();
    await tokenOf(app, "canceling");
    await cancel(app, "canceling");
    const token = await tokenOf(app, "ended", specWith(), holder("b"));
    await finish(app, token, { outcome: "succeeded" });
    const back = backup(app);
    app.pass(seconds(60));
    await back();
    expect(await restoreNow(app)).toEqual({ done: 1, left: 0 });
    expect((await inspect(app, "canceling"))?.current).toMatchObject({ state: "ended", outcome: "canceled" });
    expect((await inspect(app, "ended"))?.current).toMatchObject({ outcome: "succeeded" });
  });

  test("is seen to once, however often that is asked for", async () => {
    const app = service();
    await ticketOf(app, "queued");
    const at = app.now();
    app.pass(seconds(3600));
    const restoredAt = app.now();
    expect(await restore(app, restoredAt, SOON(app))).toEqual({ done: 1, left: 0 });
    expect(await restore(app, restoredAt, SOON(app))).toEqual({ done: 0, left: 0 });
    expect(at).toBeLessThan(restoredAt);
  });

  test("is left where the time is over or a write fails, and that is said", async () => {
    const app = service();
    await ticketOf(app, "one");
    await ticketOf(app, "two");
    app.pass(seconds(3600));
    expect(await restore(app, app.now(), app.now())).toEqual({ done: 0, left: 1 });
    const { replace } = app.runs;
    app.runs.replace = async (seen, next, due) => {
      if (seen.run === "one") throw new Error("throttled");
      return replace(seen, next, due);
    };
    expect(await restoreNow(app)).toEqual({ done: 1, left: 1 });
    app.runs.replace = replace;
    expect(await restoreNow(app)).toEqual({ done: 1, left: 0 });
  });

  test("never gives out a fence twice, whatever happened before and after the backup", async () => {
    const step = fc.constantFrom("beat", "fail", "lose", "requeue", "claim", "pass" as const);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.array(step, { maxLength: 12 }), async (before, since) => {
        const app = service();
        const spec = specWith({ budgets: { attempts: 100 } });
        let held: Claims = await tokenOf(app, "etl", spec);
        const play = async (steps: readonly string[]): Promise<void> => {
          for (const each of steps) {
            if (each === "beat") await beat(app, held);
            if (each === "fail") await finish(app, held, { outcome: "failed", exitCode: 1 });
            if (each === "lose") app.pass(seconds(130));
            if (each === "requeue") await requeue(app, "etl");
            if (each === "pass") app.pass(milliseconds(1500));
            await app.swept();
            const ticket = app.messages().at(-1)?.data.next.ticket;
            if (each !== "claim" || ticket === undefined) continue;
            const { token } = await claim(app, claimsOf(ticket), holder("b"));
            if (token !== undefined) held = claimsOf(token);
          }
        };
        await play(before);
        const back = backup(app);
        await play(since);
        await quiet(app);
        const given = [held.fence, ...fencesIn(app)];
        await back();
        app.pass(seconds(1));
        await restoreNow(app);
        const known = app.messages().length;
        await quiet(app);
        const fresh = fencesIn(app).slice(known);
        expect(fresh.length).toBeGreaterThan(0);
        for (const one of fresh) expect(one).toBeGreaterThan(Math.max(...given));
      }),
      { numRuns: 200, endOnFailure: true },
    );
  });
});
