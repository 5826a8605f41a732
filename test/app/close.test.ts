import { describe, expect, test } from "vitest";
import { close } from "../../lib/app/close.ts";
import { cancel } from "../../lib/app/owner-requests.ts";
import { after, seconds } from "../../lib/core/time.ts";
import { Busy, type EndOfRun, Refused, type Starter } from "../../lib/ports/dispatch.ts";
import { readEnded } from "../../lib/wire/read-ended.ts";
import { holder, type Service, service, specWith, tokenOf } from "./service.ts";

const TARGET = { kind: "prefect", name: "prod", flowRun: "0e8cfa6e-0000-4000-8000-000000000001" } as const;

/** A run whose only attempt was lost, and what its target was told. */
async function lost(target: object = TARGET): Promise<{ app: Service; ended: EndOfRun | undefined }> {
  const app = service();
  const budgets = { crashes: 0, memory: 0, interruptions: 0, losses: 0, starts: 0 };
  await tokenOf(app, "etl", specWith({ budgets, target } as Parameters<typeof specWith>[0]));
  app.pass(seconds(130));
  await app.swept();
  const [message] = app.requeues.sent;
  return { app, ended: message === undefined ? undefined : readEnded(message.body) };
}

const starterThat = (closes: (ended: EndOfRun) => Promise<void>) => (): Starter => ({ close: closes }) as Starter;

describe("the end of a run", () => {
  test("is told to an orchestrator, and to no other target", async () => {
    const { ended } = await lost();
    expect(ended).toMatchObject({ run: "etl", attempt: 1, outcome: "exhausted", cause: "lost", target: TARGET });
    expect(ended?.holder).toMatchObject(holder("a"));
    expect((await lost({ kind: "queue" })).ended).toBeUndefined();
  });

  test("is told when its owner cancels it, too", async () => {
    const app = service();
    await tokenOf(app, "etl", specWith({ target: TARGET } as Parameters<typeof specWith>[0]));
    await cancel(app, "etl");
    app.pass(seconds(130));
    await app.swept();
    expect(app.requeues.sent.map(({ body }) => readEnded(body)?.outcome)).toEqual(["canceled"]);
  });

  test("waits until its workers have said what they have to say", async () => {
    const { app, ended } = await lost();
    const told: EndOfRun[] = [];
    const starterOf = starterThat(async (each) => void told.push(each));
    const known = ended as EndOfRun;
    expect(await close(app, starterOf, known)).toMatchObject({ kind: "again" });
    app.pass(seconds(20));
    expect(await close(app, starterOf, known)).toMatchObject({ kind: "done" });
    expect(told).toEqual([known]);
  });

  test("is not shown where the work was started once more", async () => {
    const { app, ended } = await lost();
    await tokenOf(app, "etl.2", specWith());
    app.pass(seconds(20));
    const never = starterThat(async () => Promise.reject(new Error("it was told")));
    expect(await close(app, never, ended as EndOfRun)).toMatchObject({ kind: "done", why: "it was started once more" });
    const second = { ...(ended as EndOfRun), run: "etl.1" };
    expect(await close(app, never, second)).toMatchObject({ kind: "done" });
  });

  test("is told again while the target does not answer, for a day", async () => {
    const { app, ended } = await lost();
    app.pass(seconds(20));
    for (const error of [new Busy("away"), new Refused("no such key", { isOwn: false })]) {
      const silent = starterThat(async () => Promise.reject(error));
      expect(await close(app, silent, ended as EndOfRun)).toEqual({ kind: "again", after: 60_000 });
      const old = { ...(ended as EndOfRun), at: after((ended as EndOfRun).at, seconds(-25 * 3600)) };
      expect(await close(app, silent, old)).toMatchObject({ kind: "done", why: "it has ended more than a day ago" });
    }
    const broken = starterThat(async () => Promise.reject(new Error("a bug")));
    await expect(close(app, broken, ended as EndOfRun)).rejects.toThrow("a bug");
  });

  test("is no message of attempts", () => {
    expect(readEnded(JSON.stringify({ type: "lastbeat.run.requeue.v1" }))).toBeUndefined();
  });
});
