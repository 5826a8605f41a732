import { describe, expect, test } from "vitest";
import { memoryTemplates } from "../../lib/adapters/memory/templates.ts";
import { claim } from "../../lib/app/claim.ts";
import { type Dispatched, dispatch } from "../../lib/app/dispatch.ts";
import { inspect } from "../../lib/app/inspect.ts";
import { cancel } from "../../lib/app/owner-requests.ts";
import { accept, type JobsIn, type Targets } from "../../lib/app/targets.ts";
import type { Shown } from "../../lib/core/dispatching.ts";
import { after, seconds } from "../../lib/core/time.ts";
import { Busy, Refused, type Requeue, type Starter } from "../../lib/ports/dispatch.ts";
import { readRequeue } from "../../lib/wire/read-requeue.ts";
import { recordView } from "../../lib/wire/run-view.ts";
import { claimsOf, holder, NOON, type Service, service, specWith, tokenOf } from "./service.ts";

type Stage = {
  readonly app: Service;
  readonly requeue: Requeue;
  readonly starter: Starter & { shown: Shown; readonly did: string[]; refusal?: Error };
  sent(): Promise<Dispatched>;
};

/** A run whose first attempt was lost, and whose second is announced. */
async function announced(): Promise<Stage> {
  const app = service();
  await tokenOf(app, "etl", specWith());
  app.pass(seconds(119));
  await app.swept();
  const requeue = readRequeue(app.requeues.sent[0]?.body ?? "");
  const did: string[] = [];
  const starter: Stage["starter"] = {
    isEndAwaited: false,
    isGated: true,
    isSeen: true,
    shown: { before: "gone", next: "none" },
    did,
    look: async () => starter.shown,
    fence: async () => void did.push("fence"),
    withdraw: async () => void did.push("withdraw"),
    nudge: async () => {
      if (starter.refusal !== undefined) throw starter.refusal;
      did.push("nudge");
    },
  };
  return { app, requeue, starter, sent: () => dispatch(app, () => starter, requeue) };
}

describe("the message of an attempt", () => {
  test("starts it, and comes again until it is claimed", async () => {
    const { app, requeue, starter, sent } = await announced();
    expect(await sent()).toEqual({ kind: "again", after: 30_000 });
    starter.shown = { before: "gone", next: "started" };
    expect(await sent()).toEqual({ kind: "again", after: 30_000 });
    await claim(app, claimsOf(requeue.ticket), holder("b"));
    expect(await sent()).toEqual({ kind: "done", why: "the attempt is claimed" });
    expect(starter.did).toEqual(["nudge", "nudge"]);
  });

  test("first ends what is left of the attempt before", async () => {
    const { starter, sent } = await announced();
    starter.shown = { before: "there", next: "none" };
    expect(await sent()).toMatchObject({ kind: "again" });
    expect(starter.did).toEqual(["fence", "nudge"]);
  });

  test("waits for the pod before, where its run asks for that", async () => {
    const { app, requeue, starter } = await announced();
    starter.shown = { before: "there", next: "none" };
    expect(await dispatch(app, () => ({ ...starter, isEndAwaited: true }), requeue)).toEqual({
      kind: "again",
      after: 5000,
    });
    expect(starter.did).toEqual(["fence"]);
  });

  test("gives the attempt more time while a machine is on its way", async () => {
    const { app, requeue, starter, sent } = await announced();
    app.pass(seconds(840));
    starter.shown = { before: "gone", next: "coming" };
    await sent();
    expect((await inspect(app, "etl"))?.current).toMatchObject({ due: after(app.now(), seconds(300)) });
    app.pass(seconds(120)); // beyond the time to start of the message
    expect(await sent()).toMatchObject({ kind: "again" });
    await claim(app, claimsOf(requeue.ticket), holder("b"));
    expect(await sent()).toMatchObject({ kind: "done" });
  });

  test("gives up what will never claim: the start is charged at once, and nothing of it is left", async () => {
    const { app, starter, sent } = await announced();
    const evidence = {
      id: "pod-u",
      source: "kubernetes",
      kind: "pod-ended",
      at: app.now(),
      note: "no such image",
    } as const;
    starter.shown = { before: "gone", next: "started", failed: { cause: "unstartable", evidence } };
    expect(await sent()).toEqual({ kind: "done", why: "it will never claim: no such image" });
    expect(starter.did).toEqual(["withdraw"]);
    expect((await inspect(app, "etl"))?.lines.at(-1)?.end).toMatchObject({
      attempt: 2,
      cause: "unstartable",
      evidence: [evidence],
    });
  });

  test("ends the run as its target says: a success is that of the attempt before", async () => {
    const { app, starter, sent } = await announced();
    starter.shown = { before: "gone", next: "none", ended: { outcome: "succeeded", note: "Prefect says COMPLETED" } };
    expect(await sent()).toEqual({ kind: "done", why: "Prefect says COMPLETED" });
    const found = await inspect(app, "etl");
    expect(found?.current).toMatchObject({ outcome: "succeeded" });
    expect(found?.lines[0]?.end).toMatchObject({ attempt: 1, cause: "succeeded" });
    expect(await sent()).toMatchObject({ kind: "done", why: "the run has ended" });
  });

  test("ends a run that nobody wants any more, unless its next attempt was claimed meanwhile", async () => {
    const ended = { outcome: "canceled", note: "Prefect says CANCELLED" } as const;
    const { app, starter, sent } = await announced();
    starter.shown = { before: "gone", next: "none", ended };
    await sent();
    expect((await inspect(app, "etl"))?.current).toMatchObject({ outcome: "canceled" });

    const late = await announced();
    late.starter.look = async () => {
      await claim(late.app, claimsOf(late.requeue.ticket), holder("b"));
      return { before: "gone", next: "none", ended };
    };
    expect(await late.sent()).toMatchObject({ kind: "done", why: "the attempt is claimed" });
    expect((await inspect(late.app, "etl"))?.current).toMatchObject({ state: "running" });
  });

  test("ends a run as canceled whose success was that of nobody we know", async () => {
    const { app, requeue, starter } = await announced();
    const { previous: _, ...first } = requeue;
    starter.shown = { before: "gone", next: "none", ended: { outcome: "succeeded", note: "Prefect says COMPLETED" } };
    await dispatch(app, () => starter, first);
    expect((await inspect(app, "etl"))?.current).toMatchObject({ outcome: "canceled" });
  });

  test("waits for a patient target without a charge, also for what an operator has to mend", async () => {
    const { app, requeue, starter } = await announced();
    starter.look = async () => Promise.reject(starter.refusal);
    for (const [refusal, again] of [
      [new Busy("away"), 15_000],
      [new Refused("a wrong key", { isOwn: false }), 60_000],
    ] as const) {
      starter.refusal = refusal;
      for (let minutes = 0; minutes < 60; minutes += 10) {
        expect(await dispatch(app, () => ({ ...starter, isPatient: true }), requeue)).toEqual({
          kind: "again",
          after: again,
        });
        app.pass(seconds(600));
        await app.swept();
      }
    }
    expect((await inspect(app, "etl"))?.current).toMatchObject({ state: "queued", attempt: 2 });
    starter.refusal = new Refused("no deployment", { isOwn: true });
    expect(await dispatch(app, () => ({ ...starter, isPatient: true }), requeue)).toMatchObject({ kind: "refused" });
  });

  test("takes nothing away when the attempt was claimed meanwhile", async () => {
    const { app, requeue, starter, sent } = await announced();
    const evidence = { id: "pod-u", source: "kubernetes", kind: "pod-ended", at: app.now() } as const;
    starter.look = async () => {
      await claim(app, claimsOf(requeue.ticket), holder("b"));
      return { before: "gone", next: "started", failed: { cause: "unstartable", evidence } };
    };
    expect(await sent()).toMatchObject({ kind: "done", why: "the attempt is claimed" });
    expect(starter.did).toEqual([]);
  });

  test("is refused for good with the reason, which stands in the ledger until the attempt is over", async () => {
    const { app, starter, sent } = await announced();
    starter.refusal = new Refused("pods is forbidden", { isOwn: false });
    expect(await sent()).toEqual({ kind: "refused", why: "pods is forbidden" });
    expect(app.logged.at(-1)).toMatchObject({
      decision: "dispatch-refused",
      run: "etl",
      attempt: 2,
      error: "pods is forbidden",
    });
    const reason = { kind: "refused", note: "pods is forbidden" };
    const shown = await inspect(app, "etl");
    if (shown === undefined) throw new Error("the run is not there");
    expect(recordView(shown.registration, shown.current, shown.lines).attempts.at(-1)).toMatchObject({
      attempt: 2,
      evidence: [reason],
    });
    app.pass(seconds(900));
    await app.swept();
    expect((await inspect(app, "etl"))?.lines.find(({ end }) => end?.attempt === 2)?.end).toMatchObject({
      cause: "never-started",
      evidence: [reason],
    });
  });

  test("is charged at once, if it asks for what nobody can start", async () => {
    const { app, starter, sent } = await announced();
    starter.refusal = new Refused("spec.containers: Required value", { isOwn: true });
    expect(await sent()).toMatchObject({ kind: "refused" });
    expect((await inspect(app, "etl"))?.lines.at(-1)?.end).toMatchObject({
      attempt: 2,
      cause: "unstartable",
      evidence: [{ kind: "refused", note: "spec.containers: Required value" }],
    });
  });

  test("comes again soon while its target does not answer, or when the target says", async () => {
    const { app, starter, sent } = await announced();
    starter.refusal = new Busy("no answer");
    expect(await sent()).toEqual({ kind: "again", after: 15_000 });
    expect(app.logged.at(-1)).toMatchObject({ decision: "dispatch-delayed", error: "no answer" });
    starter.refusal = new Busy("too many requests", seconds(60));
    expect(await sent()).toEqual({ kind: "again", after: 60_000 });
    starter.refusal = new Busy("too many requests", seconds(86_400));
    expect(await sent()).toEqual({ kind: "again", after: 900_000 });
    starter.refusal = new Error("a bug");
    await expect(sent()).rejects.toThrow("a bug");
  });

  test("takes away what was made, when nobody waits for it any more, and tries that for a day", async () => {
    const { app, starter, sent } = await announced();
    await cancel(app, "etl", "no need");
    expect(await sent()).toEqual({ kind: "done", why: "the run has ended" });
    expect(starter.did).toEqual(["withdraw"]);
    starter.withdraw = async () => {
      throw new Busy("no answer");
    };
    expect(await sent()).toMatchObject({ kind: "again" });
    app.pass(seconds(25 * 3600));
    expect(await sent()).toMatchObject({ kind: "done", why: expect.stringContaining("no answer") });
  });

  test("is taken by a target that shows nothing, and is not sent again", async () => {
    const { sent, starter } = await announced();
    Object.assign(starter, { isSeen: false });
    expect(await sent()).toEqual({ kind: "done", why: "its target has taken it" });
    expect(starter.did).toEqual(["nudge"]);
  });

  test("is of no use when its ticket is none", async () => {
    const { app, requeue, starter } = await announced();
    expect(await dispatch(app, () => starter, { ...requeue, ticket: "x" })).toMatchObject({ kind: "refused" });
  });

  test("is of no use when the run is over", async () => {
    const { app, requeue, starter } = await announced();
    const other = { ...requeue, ticket: requeue.ticket.replace(/^etl\./, "nobody.") };
    expect(await dispatch(app, () => starter, other)).toEqual({ kind: "done", why: "the run has ended" });
  });
});

/** A deployment that has nothing but one orchestrator of this kind. */
const knowingOne = (kind: string): Targets => ({
  templates: memoryTemplates(),
  clusters: [],
  webhooks: [],
  orchestrators: [{ kind, name: "prod" }],
  wrongWith: () => undefined,
});

describe("the flow run of a target", () => {
  test("belongs to the run that is called after it, and to no other", async () => {
    const flowRun = "0e8cfa6e-0000-4000-8000-000000000001";
    const target = { kind: "prefect", name: "prod", flowRun } as const;
    const known = knowingOne("prefect");
    for (const run of [`prefect-${flowRun}`, `prefect-${flowRun}.2`])
      expect(await accept(known, { run }, target, NOON)).toMatchObject({ ok: true });
    for (const run of ["evil", `prefect-${flowRun}x`])
      expect(await accept(known, { run }, target, NOON)).toMatchObject({ ok: false });
    expect(await accept(known, { run: `prefect-${flowRun}`, onCutOff: "continue" }, target, NOON)).toMatchObject({
      problem: { errors: [{ field: "onCutOff", detail: "is stop where prefect starts the attempts" }] },
    });
    expect(await accept({ ...known, orchestrators: [] }, { run: `prefect-${flowRun}` }, target, NOON)).toMatchObject({
      problem: { errors: [{ detail: "is no server of Prefect: this deployment has none" }] },
    });
  });
});

describe("the task of a target", () => {
  test.each([
    [{ task: "load" }, "airflow/etl/r1/load"],
    [{ task: "load", mapIndex: 4 }, "airflow/etl/r1/load/4"],
    [{ task: "extract.2" }, "airflow/540377f06afa8feff6529d18649fca85"], // as agents/python/tests/test_airflow.py has it
  ])("%j belongs to the run %s", async (own, run) => {
    const target = { kind: "airflow", name: "prod", dag: "etl", dagRun: "r1", ...own } as const;
    const known = knowingOne("airflow");
    expect(await accept(known, { run }, target, NOON)).toMatchObject({ ok: true });
    expect(await accept(known, { run: `${run}.2` }, target, NOON)).toMatchObject({ ok: true });
    expect(await accept(known, { run: `${run}x` }, target, NOON)).toMatchObject({ ok: false });
  });
});

describe("the template of a target", () => {
  const job = { kind: "job", cluster: "prod", template: { spec: { containers: [] } } } as const;

  const knowing = (clusters: readonly JobsIn[], templates = memoryTemplates()): Targets => ({
    templates,
    clusters,
    webhooks: ["ci"],
    orchestrators: [{ kind: "prefect", name: "prod" }],
    wrongWith: (template) => ("spec" in template ? undefined : "it has no spec"),
  });

  test("is stored under its digest, which is registered in its place", async () => {
    const templates = memoryTemplates();
    const known = knowing([{ name: "prod" }], templates);
    const kept = await accept(known, { run: "etl" }, job, NOON);
    const digest = kept.ok && kept.target?.kind === "job" ? kept.target.template : undefined;
    expect(digest).toMatch(/^[\w-]{22}$/);
    expect(await templates.read(String(digest), NOON)).toEqual(job.template);
    expect(await accept(known, { run: "etl" }, { ...job, template: String(digest) }, NOON)).toEqual(kept);
  });

  test("has to be stored, and its cluster known", async () => {
    expect(await accept(knowing([]), { run: "etl" }, job, NOON)).toMatchObject({
      ok: false,
      problem: { detail: "target.cluster is no cluster that Jobs are started in: this deployment has none" },
    });
    expect(await accept(knowing([{ name: "a" }, { name: "b" }]), { run: "etl" }, job, NOON)).toMatchObject({
      problem: { detail: expect.stringContaining("the clusters are a, b") },
    });
    expect(
      await accept(knowing([{ name: "prod" }]), { run: "etl" }, { ...job, template: "x".repeat(22) }, NOON),
    ).toMatchObject({
      problem: { errors: [{ field: "target.template", detail: "is not stored: send the template itself" }] },
    });
  });

  test("has to make a Job, in a namespace that is meant for Jobs", async () => {
    expect(await accept(knowing([{ name: "prod" }]), { run: "etl" }, { ...job, template: {} }, NOON)).toMatchObject({
      problem: { errors: [{ field: "target.template", detail: "makes no Job: it has no spec" }] },
    });
    const known = knowing([{ name: "prod", namespaces: ["ml", "etl"] }]);
    expect(await accept(known, { run: "etl" }, { ...job, namespace: "ml" }, NOON)).toMatchObject({ ok: true });
    expect(await accept(known, { run: "etl" }, job, NOON)).toMatchObject({
      problem: { errors: [{ field: "target.namespace", detail: expect.stringContaining("are ml, etl") }] },
    });
  });

  test("is none for a webhook, whose name has to be known", async () => {
    const ci = { kind: "webhook", name: "ci" } as const;
    expect(await accept(knowing([]), { run: "etl" }, ci, NOON)).toEqual({ ok: true, target: ci });
    expect(await accept(knowing([]), { run: "etl" }, { ...ci, name: "cd" }, NOON)).toMatchObject({
      problem: { detail: "target.name is no webhook: the webhooks are ci" },
    });
    expect(await accept({ ...knowing([]), webhooks: [] }, { run: "etl" }, ci, NOON)).toMatchObject({
      problem: { detail: "target.name is no webhook: this deployment has none" },
    });
  });

  test("is none for a queue", async () => {
    const known = knowing([]);
    expect(await accept(known, { run: "etl" }, undefined, NOON)).toEqual({ ok: true, target: undefined });
    expect(await accept(known, { run: "etl" }, { kind: "queue" }, NOON)).toEqual({
      ok: true,
      target: { kind: "queue" },
    });
  });
});
