import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TaskKey } from "../../../lib/ports/airflow.ts";
import { post, recordWhen, type Server, server, stop } from "../../e2e/processes.ts";
import { freePort } from "../../free-port.ts";
import { isOneAtATime, tickOf, ticksOf } from "../ticks.ts";
import { type Airflow, startAirflow, taskWhen } from "./server.ts";

/** A real Airflow with its LocalExecutor and our plugin, and the embedded server of Lastbeat beside it. */
describe("Airflow with a LocalExecutor", () => {
  let airflow: Airflow;
  let ours: Server;

  beforeAll(async () => {
    // Each needs the address of the other: ours is told the one of Airflow by a file, before it starts.
    const port = await freePort();
    airflow = await startAirflow({
      LASTBEAT_URL: `http://127.0.0.1:${port}`,
      LASTBEAT_TARGET: "prod",
      LASTBEAT_HOST: "one",
      LASTBEAT_SPEC: JSON.stringify({ leaseSeconds: 6, backoff: { baseSeconds: 0 } }),
    });
    const file = join(airflow.folder, "orchestrators.json");
    const known = { kind: "airflow", name: "prod", url: airflow.url, secret: airflow.secret };
    writeFileSync(file, JSON.stringify({ orchestrators: [known] }));
    ours = await server("--port", String(port), "--orchestrators", file);
  });
  afterAll(async () => {
    await airflow.stop();
    await stop(ours);
  });

  const start = async (dag: string, seconds: number): Promise<{ task: TaskKey; log: string; run: string }> => {
    const log = join(airflow.folder, `${dag}-${Math.random().toString(36).slice(2)}.log`);
    const task = await airflow.trigger(dag, { seconds, log });
    return { task, log, run: `airflow/${task.dag}/${task.dagRun}/${task.task}`.replaceAll("/", "~") };
  };
  const kill = (pid: number, signal: NodeJS.Signals): void => void process.kill(pid, signal);
  const succeeds = (task: TaskKey): Promise<unknown> => taskWhen(airflow, task, ({ state }) => state === "success");
  const causes = async (run: string): Promise<readonly (string | undefined)[]> =>
    (await recordWhen(ours, run, ({ state }) => state === "ended")).attempts.map(({ cause }) => cause);

  test("a task without retries, whose machine is lost, runs again, in a pool of one slot", async () => {
    const { task, log, run } = await start("steady", 4);
    await tickOf(log, 0);
    const found = await airflow.processes(task);
    for (const pid of [found.supervisor, found.task]) kill(pid, "SIGKILL");
    await tickOf(log, 1);
    await succeeds(task);
    expect(await causes(run)).toEqual(["lost", "succeeded"]);
    expect(isOneAtATime(log)).toBe(true);
  });

  test("a task that was frozen and wakes beside its successor does no harm", async () => {
    const { task, log, run } = await start("steady", 8);
    const { engine } = await tickOf(log, 0);
    const found = await airflow.processes(task);
    for (const pid of [found.task, found.supervisor]) kill(pid, "SIGSTOP");
    await tickOf(log, 1);
    for (const pid of [found.task, found.supervisor]) kill(pid, "SIGCONT");
    await succeeds(task);
    expect(await causes(run)).toEqual(["lost", "succeeded"]);
    const last =
      ticksOf(log)
        .filter((tick) => tick.engine === engine)
        .at(-1)?.at ?? 0;
    expect(Date.now() / 1000 - last).toBeGreaterThan(3);
  });

  test("a loss costs no retry of the user's: the task's own failure is retried after it", async () => {
    const { task, log, run } = await start("stumbling", 3);
    await tickOf(log, 0);
    const found = await airflow.processes(task);
    for (const pid of [found.supervisor, found.task]) kill(pid, "SIGKILL");
    await succeeds(task);
    // The failure ends the run; Airflow's own retry is another one.
    expect(await causes(run)).toEqual(["lost", "crashed"]);
    expect(await causes(`${run}.2`)).toEqual(["succeeded"]);
    expect((await airflow.server.read(task))?.tryNumber).toBe(3);
  });

  test("a task whose owner asks for another attempt is interrupted, and runs again", async () => {
    const { task, log, run } = await start("loose", 4);
    await tickOf(log, 0);
    await post(ours, `/v1/runs/${run}/requeue`);
    await tickOf(log, 1);
    await succeeds(task);
    expect(await causes(run)).toEqual(["requeued", "succeeded"]);
    expect(isOneAtATime(log)).toBe(true);
  });

  test("a task that its user marks as failed, after its machine was lost, is not started again", async () => {
    const { task, log, run } = await start("loose", 60);
    await tickOf(log, 0);
    const found = await airflow.processes(task);
    for (const pid of [found.supervisor, found.task]) kill(pid, "SIGKILL");
    // Its lease goes on for seconds.
    const path = `dags/${task.dag}/dagRuns/${task.dagRun}/taskInstances/${task.task}`;
    await airflow.call("PATCH", path, { new_state: "failed" });
    const { outcome, attempts } = await recordWhen(ours, run, ({ state }) => state === "ended");
    expect([outcome, attempts[0]?.cause]).toEqual(["canceled", "lost"]);
    expect((await airflow.server.read(task))?.state).toBe("failed");
  });
});
