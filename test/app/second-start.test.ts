import { expect, test } from "vitest";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { inspect } from "../../lib/app/inspect.ts";
import { recordText } from "../../lib/cli/timeline.ts";
import { seconds } from "../../lib/core/time.ts";
import { type RecordView, recordView } from "../../lib/wire/run-view.ts";
import { holder, type Service, service, specWith, ticketOf } from "./service.ts";

async function recordOf(app: Service): Promise<RecordView> {
  const found = await inspect(app, "etl");
  if (found === undefined) throw new Error("there is no such run");
  return recordView(found.registration, found.current, found.lines);
}

test("the record shows that a second process asked for an attempt, while it runs and after its end", async () => {
  const app = service();
  const ticket = await ticketOf(app, "etl", specWith());
  await claim(app, ticket, { ...holder("a"), pod: "etl-x" });
  app.pass(seconds(5));
  const second = { ...holder("b"), host: "i-2", pod: "etl-y", podUid: "u-2" };
  expect((await claim(app, ticket, second)).reply).toEqual({ kind: "held-by-another" });
  const seen = [{ kind: "second-start", note: "another process was refused, host i-2, pod etl-y, podUid u-2" }];
  expect((await recordOf(app)).attempts[0]).toMatchObject({ evidence: seen });
  expect(recordText(await recordOf(app), app.clock.now())).toContain("another process was refused, host i-2");
  await finish(app, ticket, { outcome: "failed", exitCode: 1 });
  expect((await recordOf(app)).attempts[0]).toMatchObject({ cause: "crashed", evidence: seen });
});

test("the same process that asks again is no second one", async () => {
  const app = service();
  const ticket = await ticketOf(app, "etl", specWith());
  await claim(app, ticket, holder("a"));
  await claim(app, ticket, holder("a"));
  expect((await recordOf(app)).attempts[0]?.evidence).toEqual([]);
});

test("a second process explains nothing: an attempt that is silent is lost all the same", async () => {
  const app = service();
  const ticket = await ticketOf(app, "etl", specWith());
  await claim(app, ticket, holder("a"));
  await claim(app, ticket, holder("b"));
  app.pass(seconds(121));
  await app.swept();
  expect((await recordOf(app)).attempts[0]).toMatchObject({ cause: "lost", charged: "losses" });
});
