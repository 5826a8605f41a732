import fc from "fast-check";
import { expect, test } from "vitest";
import { itemOf } from "../../lib/adapters/aws/run-item.ts";
import type { App } from "../../lib/app/app.ts";
import { beat } from "../../lib/app/beat.ts";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { requeue } from "../../lib/app/owner-requests.ts";
import { isClaimed, type Run } from "../../lib/core/run.ts";
import { seconds } from "../../lib/core/time.ts";
import { itemBytes } from "../../lib/cost/dynamodb-units.ts";
import { isStorable, TEXT_BYTES } from "../../lib/wire/bounds.ts";
import { type Read, read } from "../../lib/wire/read.ts";
import * as schemas from "../../lib/wire/schemas.ts";
import { specOf } from "../../lib/wire/spec.ts";
import { service, ticketOf } from "../app/service.ts";
import { LONG, RUNS } from "./runs.ts";
import { text } from "./texts.ts";

/** Fails for what DynamoDB would not take, and for what a beat could not renew for one unit. */
function stored(run: Run): Run {
  const item = itemOf(run);
  const numbers = Object.values(item).flatMap(({ N }) => (N === undefined ? [] : [N]));
  expect(numbers.filter((number) => !isStorable(Number(number)))).toEqual([]);
  // A correction of an earlier attempt, which brings its report along, is settled by who makes it.
  if (isClaimed(run) && run.debt?.ledger === undefined) expect(itemBytes(item)).toBeLessThan(1024);
  return run;
}

/** A body as it comes off the wire, when the API takes it. */
function taken<T>(schema: Parameters<typeof read<T>>[0], body: unknown): T | undefined {
  const found: Read<T> = read(schema, JSON.stringify(body));
  return found.ok ? found.value : undefined;
}

const number = fc.oneof(
  fc.double(),
  fc.double({ min: -1e6, max: 1e6 }),
  fc.constantFrom(0, 1e125, 1e126, 1e-130, 1e-131),
);
const words = fc.oneof(
  text.chain((some) => fc.nat({ max: 20 }).map((times) => some.repeat(times))),
  fc.constantFrom("x".repeat(TEXT_BYTES), "x".repeat(TEXT_BYTES + 1)),
);
const named = (pattern: RegExp) => fc.oneof(fc.stringMatching(pattern), fc.constant("x".repeat(128)));
const lives = fc.record({
  run: named(/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/),
  host: named(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/),
  lease: fc.double({ min: 5, max: 3600, noNaN: true }),
  deadline: fc.option(fc.double({ min: 1, max: 365 * 24 * 3600, noNaN: true }), { nil: undefined }),
  attempts: fc.array(fc.record({ value: number, of: number, note: words, reason: words, isAsked: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
  }),
});

test("whatever the API takes can be stored, and every attempt comes to its end", LONG, async () => {
  let interrupted = 0;
  await fc.assert(
    fc.asyncProperty(lives, async ({ run, host, lease, deadline, attempts }) => {
      const here = service();
      const { runs } = here;
      const app: App = {
        ...here,
        runs: {
          ...runs,
          create: (made) => runs.create(stored(made)),
          replace: (seen, next, due) => runs.replace(seen, stored(next), due),
          renew: async (key, renewal) => {
            const done = await runs.renew(key, renewal);
            if (done.run !== undefined) stored(done.run);
            return done;
          },
        },
      };
      const spec = taken(schemas.spec, {
        leaseSeconds: lease,
        attemptDeadlineSeconds: deadline,
        budgets: { interruptions: 50 },
        backoff: { baseSeconds: 0, maxSeconds: 0 },
      });
      if (spec === undefined) throw new Error("the spec was refused");
      let ticket = await ticketOf(app, run, specOf(spec));
      for (const { value, of, note, reason, isAsked } of attempts) {
        const holder = taken(schemas.claim, { holder: { id: "a".repeat(32), host } })?.holder;
        if (holder === undefined) throw new Error("the holder was refused");
        const { reply } = await claim(app, ticket, holder);
        expect(reply.kind).toBe("claimed");
        here.pass(seconds(0.5));
        const told = taken(schemas.beat, { progress: { value, of, note } });
        if (told !== undefined) expect((await beat(app, ticket, told.progress)).kind).toBe("renewed");
        const asked = taken(schemas.requeue, { reason });
        if (isAsked && asked !== undefined) await requeue(app, run, ticket.attempt, asked.reason);
        const report = taken(schemas.finish, { outcome: "interrupted", message: reason });
        const end = await finish(app, ticket, report ?? { outcome: "interrupted" });
        expect(end.kind).toBe("finished");
        interrupted += 1;
        const next = await runs.read(ticket);
        if (next?.state !== "queued") return;
        ticket = { ...ticket, attempt: next.attempt, fence: next.fence };
      }
    }),
    RUNS,
  );
  expect(interrupted).toBeGreaterThan(RUNS.numRuns);
});
