import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Program, post, recordWhen, type Server, server, stop } from "../../e2e/processes.ts";
import { isOneAtATime, tickOf, ticksOf } from "../ticks.ts";
import { type Prefect, run, startPrefect } from "./server.ts";
import {
  ancestorsOf,
  causesAtEnd,
  childrenOf,
  flowRun,
  flowRunWhen,
  PACKAGE,
  startFlow,
  startWorker,
  startWrapper,
} from "./worker.ts";

/** A real server of Prefect with real process workers, and the embedded server of Lastbeat beside it. */
describe("Prefect with a process worker", () => {
  let prefect: Prefect;
  let ours: Server;
  let workers: Program[] = [];
  const pool = "stories";

  beforeAll(async () => {
    prefect = await startPrefect();
    const file = join(prefect.folder, "orchestrators.json");
    writeFileSync(file, JSON.stringify({ orchestrators: [{ kind: "prefect", name: "prod", url: prefect.api }] }));
    ours = await server("--orchestrators", file);
    const environment = { PYTHONPATH: PACKAGE };
    run(
      prefect,
      environment,
      "python",
      fileURLToPath(new URL("../../../examples/prefect/pool.py", import.meta.url)),
      pool,
      "1",
    );
    run(prefect, environment, "python", fileURLToPath(new URL("deploy.py", import.meta.url)), pool);
  });
  afterEach(async () => {
    for (const each of workers) each.child.kill("SIGTERM");
    await Promise.all(workers.map(({ left }) => left));
    workers = [];
  });
  afterAll(async () => {
    await stop(ours);
    await prefect.stop();
  });

  const worker = (host: string): Program => {
    const started = startWorker(prefect, ours, pool, host);
    workers.push(started);
    return started;
  };
  const start = async (name: string, seconds: number) => {
    const log = join(prefect.folder, `${randomUUID()}.log`);
    return { log, ...(await startFlow(prefect, pool, name, { seconds, log })) };
  };
  /** The processes of an attempt: the engine, the wrapper that started it, and the agent before both. */
  const processesOf = async (log: string, before: number) => {
    const { engine } = await tickOf(log, before);
    return { engine, ...ancestorsOf(engine) };
  };
  /** The agent ends its engine as soon as it is awake, so that one may be gone. */
  const wake = (pid: number): void => {
    try {
      process.kill(pid, "SIGCONT");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  };
  const kill = (pid: number, signal: NodeJS.Signals): void => void process.kill(pid, signal);

  test("a lost run keeps its place in the queue, and its user's retry", async () => {
    worker("one"); // the pool has one slot
    const lost = await start("stumbling", 4);
    const { engine, parent, agent } = await processesOf(lost.log, 0);
    const next = await start("steady", 25);
    const last = await start("steady", 1);
    for (const pid of [agent, parent, engine]) kill(pid, "SIGKILL");
    // Its worker reports the crash, which frees the slot. The lost run comes before all that still wait.
    await tickOf(next.log, 0);
    await tickOf(last.log, 0);
    await flowRunWhen(prefect, last.id, ({ state }) => state.type === "COMPLETED");
    // Its own work has failed once meanwhile: its user's retry was there for that.
    expect(await flowRun(prefect, lost.id)).toMatchObject({
      state: { type: "COMPLETED" },
      run_count: 3,
      empirical_policy: { retries: 2 },
    });
    expect(isOneAtATime(lost.log)).toBe(true);
  });

  test("a run whose machine is lost is started by another worker", async () => {
    const lost = worker("two");
    const { id, run: name, log } = await start("steady", 5);
    const { engine, parent, agent } = await processesOf(log, 0);
    for (const pid of [lost.pid, agent, parent, engine]) kill(pid, "SIGKILL");
    await lost.left;
    worker("three");
    await tickOf(log, 1);
    await flowRunWhen(prefect, id, ({ state }) => state.type === "COMPLETED");
    expect(await causesAtEnd(ours, name)).toEqual(["lost", "succeeded"]);
    expect(isOneAtATime(log)).toBe(true);
  });

  test("an engine that was frozen and wakes beside its successor does no harm", async () => {
    worker("four");
    worker("five");
    const { id, run: name, log } = await start("steady", 8);
    const { engine, agent } = await processesOf(log, 0);
    const frozen = [engine, ...childrenOf(agent), agent];
    for (const pid of frozen) kill(pid, "SIGSTOP");
    await tickOf(log, 1);
    // The agent before its work, as the scheduler may have it; what the engine writes meanwhile only its fence stops.
    for (const pid of [agent, ...frozen]) wake(pid);
    const { state, run_count } = await flowRunWhen(prefect, id, ({ state: { type } }) => !["RUNNING"].includes(type));
    expect({ state: state.type, run_count }).toEqual({ state: "COMPLETED", run_count: 2 });
    expect(await causesAtEnd(ours, name)).toEqual(["lost", "succeeded"]);
    expect(ticksOf(log).filter((tick) => tick.engine === engine && tick.at > Date.now() / 1000 - 5)).toEqual([]);
  });

  test("a machine that AWS takes is left, and the run goes on elsewhere as an interruption", async () => {
    const taken = worker("six");
    const { id, run: name, log } = await start("steady", 6);
    await tickOf(log, 0);
    await post(ours, "/v1/hosts/six/drain", { deadlineSeconds: 20, reason: "spot" });
    await recordWhen(ours, name, ({ attempt }) => attempt === 2);
    taken.child.kill("SIGTERM"); // with its machine: nothing may start there any more
    worker("elsewhere");
    await tickOf(log, 1);
    await flowRunWhen(prefect, id, ({ state }) => state.type === "COMPLETED");
    expect(await causesAtEnd(ours, name)).toEqual(["interrupted", "succeeded"]);
    expect(isOneAtATime(log)).toBe(true);
  });

  test("Prefect is away when a run is lost: it is given back when Prefect answers again", async () => {
    worker("seven");
    const { id, run: name, log } = await start("steady", 5);
    const { engine, parent, agent } = await processesOf(log, 0);
    await prefect.restart(async () => {
      for (const pid of [agent, parent, engine]) kill(pid, "SIGKILL");
      await recordWhen(ours, name, ({ attempt }) => attempt === 2);
    });
    await tickOf(log, 1);
    await flowRunWhen(prefect, id, ({ state }) => state.type === "COMPLETED");
    expect(isOneAtATime(log)).toBe(true);
  });

  test("a message that comes twice starts nothing twice", async () => {
    worker("eight");
    const { id, run: name, log } = await start("steady", 4);
    const { engine, parent, agent } = await processesOf(log, 0);
    for (const pid of [agent, parent, engine]) kill(pid, "SIGKILL");
    await recordWhen(ours, name, ({ attempt }) => attempt === 2);
    await post(ours, `/v1/runs/${name}/requeue`);
    await tickOf(log, 1);
    await flowRunWhen(prefect, id, ({ state }) => state.type === "COMPLETED");
    expect((await flowRun(prefect, id)).run_count).toBe(2);
    expect(isOneAtATime(log)).toBe(true);
  });

  test("a flow that fails has failed, and one that its user cancels is canceled, although their engines leave with 0", async () => {
    worker("eleven");
    const failed = await start("failing", 1);
    await tickOf(failed.log, 0);
    const end = await recordWhen(ours, failed.run, ({ state }) => state === "ended");
    expect([end.outcome, end.attempts[0]?.cause]).toEqual(["failed", "crashed"]);
    expect(await flowRun(prefect, failed.id)).toMatchObject({ state: { type: "FAILED" } });

    const canceled = await start("steady", 60);
    await tickOf(canceled.log, 0);
    await prefect.call("POST", `/flow_runs/${canceled.id}/set_state`, { state: { type: "CANCELLING" } });
    expect((await recordWhen(ours, canceled.run, ({ state }) => state === "ended")).outcome).toBe("canceled");
    await flowRunWhen(prefect, canceled.id, ({ state }) => state.type === "CANCELLED");
  });

  test("a lost run that its owner cancels is shown so by Prefect, and its slot is free", async () => {
    const lost = worker("twelve");
    const given = await start("steady", 60);
    const { engine, parent, agent } = await processesOf(given.log, 0);
    for (const pid of [lost.pid, agent, parent, engine]) kill(pid, "SIGKILL");
    await lost.left;
    await post(ours, `/v1/runs/${given.run}/cancel`);
    await flowRunWhen(prefect, given.id, ({ state }) => state.type === "CANCELLED");
    worker("thirteen");
    const { id } = await start("steady", 1);
    await flowRunWhen(prefect, id, ({ state }) => state.type === "COMPLETED");
  });

  test("of two processes for one flow run, the second one has nothing to do", async () => {
    worker("fourteen");
    const { id, run: name, log } = await start("steady", 5);
    await tickOf(log, 0);
    const second = startWrapper(prefect, ours, id);
    await flowRunWhen(prefect, id, ({ state }) => state.type === "COMPLETED");
    expect(await second.left).toBe(0);
    expect(new Set(ticksOf(log).map((tick) => tick.engine)).size).toBe(1);
    expect(await causesAtEnd(ours, name)).toEqual(["succeeded"]);
  });

  test("a run that its user cancels while it waits for its next attempt ends", async () => {
    worker("nine");
    const { id, run: name, log } = await start("steady", 30);
    const { engine, parent, agent } = await processesOf(log, 0);
    for (const pid of [agent, parent, engine]) kill(pid, "SIGKILL");
    await recordWhen(ours, name, ({ attempt }) => attempt === 2);
    await prefect.call("POST", `/flow_runs/${id}/set_state`, { state: { type: "CANCELLED" }, force: true });
    const { outcome } = await recordWhen(ours, name, ({ state }) => state === "ended");
    expect(outcome).toBe("canceled");
  });
});
