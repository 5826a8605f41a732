import { describe, expect, test } from "vitest";
import { instant } from "../../../lib/core/time.ts";
import { Refused } from "../../../lib/ports/dispatch.ts";
import type { PrefectAnswer, PrefectServer, PrefectStateType, PrefectTransition } from "../../../lib/ports/prefect.ts";

/** A state that somebody asks for, or has entered. */
export type AskedState = {
  readonly type: PrefectStateType;
  readonly name?: string;
  readonly message?: string;
  readonly transitionId?: string;
};

/** A server of Prefect, a real one or ours, with what engines and workers do to it. */
export type PrefectStage = {
  readonly server: PrefectServer;
  /** A flow run that is SCHEDULED for now. `retries` are those of its flow. */
  create(options?: { readonly hasDeployment?: boolean; readonly retries?: number }): Promise<string>;
  /** What an engine or a worker asks for. */
  ask(flowRun: string, to: AskedState): Promise<PrefectAnswer>;
  /** The states that it was in, in their order. */
  states(flowRun: string): Promise<readonly AskedState[]>;
};

let ids = 0;
/** An id of a transition that nobody has asked for. */
const newId = (): string => {
  ids += 1;
  return `00000000-0000-4000-9000-${String(process.pid).padStart(6, "0")}${String(ids).padStart(6, "0")}`;
};

const transition = (type: PrefectTransition["type"], transitionId = newId()): PrefectTransition => ({
  type,
  name: type === "CRASHED" ? "Crashed" : "AwaitingRetry",
  message: "a test",
  transitionId,
  ...(type === "SCHEDULED" && { scheduledTime: instant(Date.now()) }),
});

/** Takes a flow run through states, as an engine does. */
export async function walk(stage: PrefectStage, flowRun: string, ...types: readonly PrefectStateType[]): Promise<void> {
  for (const type of types) await stage.ask(flowRun, { type, transitionId: newId() });
}

/** What a server of Prefect 3 does, as far as we rely on it. It was measured with 3.9.1. */
export function describePrefect(name: string, open: () => Promise<PrefectStage>): void {
  describe(`a server of Prefect: ${name}`, { timeout: 60_000 }, () => {
    const at = async (...types: readonly PrefectStateType[]) => {
      const stage = await open();
      const id = await stage.create();
      await walk(stage, id, ...types);
      return { stage, id };
    };

    test.each<[PrefectStateType[], PrefectTransition["type"], PrefectAnswer["status"]]>([
      [["PENDING", "RUNNING"], "CRASHED", "ACCEPT"],
      [["PENDING"], "CRASHED", "ACCEPT"],
      [[], "CRASHED", "ACCEPT"], // the trap: a late report of a worker undoes a requeue
      [["PENDING", "RUNNING", "CRASHED"], "CRASHED", "ABORT"],
      [["PENDING", "RUNNING", "COMPLETED"], "CRASHED", "ABORT"],
      [["PENDING", "RUNNING", "CRASHED"], "SCHEDULED", "ACCEPT"],
      [["PENDING", "RUNNING", "FAILED"], "SCHEDULED", "ACCEPT"],
      [["CANCELLED"], "SCHEDULED", "ACCEPT"],
      [[], "SCHEDULED", "ACCEPT"],
    ])("from %j to %s: %s", async (states, to, status) => {
      const { stage, id } = await at(...states);
      expect(await stage.server.transition(id, transition(to))).toMatchObject({ status });
    });

    test("takes a transition once", async () => {
      const { stage, id } = await at("PENDING", "RUNNING", "CRASHED");
      const asked = transition("SCHEDULED");
      expect(await stage.server.transition(id, asked)).toMatchObject({ status: "ACCEPT" });
      expect(await stage.server.transition(id, asked)).toMatchObject({ status: "REJECT" });
      expect(await stage.server.read(id)).toMatchObject({ state: "SCHEDULED", transitionId: asked.transitionId });
    });

    test("lets a worker take a run again whose CRASHED was followed by SCHEDULED", async () => {
      const { stage, id } = await at("PENDING", "RUNNING", "CRASHED");
      await stage.server.transition(id, transition("SCHEDULED"));
      expect((await stage.server.read(id))?.policy).toMatchObject({ retry_type: "reschedule" });
    });

    test("keeps a run for its own engine after a failure with retries left; only CRASHED changes that", async () => {
      const stage = await open();
      const id = await stage.create({ retries: 1 });
      await walk(stage, id, "PENDING", "RUNNING", "FAILED");
      expect(await stage.server.read(id)).toMatchObject({ state: "SCHEDULED", policy: { retry_type: "in_process" } });
      await stage.server.transition(id, transition("SCHEDULED"));
      expect((await stage.server.read(id))?.policy).toMatchObject({ retry_type: "in_process" });
      await stage.server.transition(id, transition("CRASHED"));
      await stage.server.transition(id, transition("SCHEDULED"));
      expect((await stage.server.read(id))?.policy).toMatchObject({ retry_type: "reschedule" });
    });

    test("counts each entry into RUNNING, and stops at the retries", async () => {
      const stage = await open();
      const id = await stage.create({ retries: 1 });
      await walk(stage, id, "PENDING", "RUNNING", "CRASHED", "SCHEDULED", "PENDING", "RUNNING");
      expect(await stage.server.read(id)).toMatchObject({ runCount: 2 });
      await walk(stage, id, "FAILED");
      expect(await stage.server.read(id)).toMatchObject({ state: "FAILED" });
    });

    test("has one more retry when its policy is given one", async () => {
      const stage = await open();
      const id = await stage.create({ retries: 1 });
      await walk(stage, id, "PENDING", "RUNNING", "CRASHED");
      const { policy = {} } = (await stage.server.read(id)) ?? {};
      await stage.server.setPolicy(id, { ...policy, retries: 2 });
      await walk(stage, id, "SCHEDULED", "PENDING", "RUNNING", "FAILED");
      expect(await stage.server.read(id)).toMatchObject({ state: "SCHEDULED", runCount: 2 });
    });

    test("starts no run without a deployment again", async () => {
      const stage = await open();
      const id = await stage.create({ hasDeployment: false });
      await walk(stage, id, "PENDING", "RUNNING", "CRASHED");
      expect(await stage.server.read(id)).toMatchObject({ hasDeployment: false });
      expect(await stage.server.transition(id, transition("SCHEDULED"))).toMatchObject({ status: "ABORT" });
    });

    test("takes COMPLETED from whoever asks: an old engine ends the run of a new one", async () => {
      const { stage, id } = await at("PENDING", "RUNNING", "CRASHED", "SCHEDULED", "PENDING", "RUNNING");
      expect(await stage.ask(id, { type: "COMPLETED", transitionId: newId() })).toMatchObject({ status: "ACCEPT" });
    });

    test("adds labels, and takes job variables while the run is SCHEDULED", async () => {
      const { stage, id } = await at();
      const { server } = stage;
      await server.addLabels(id, { "lastbeat.a": 1 });
      await server.addLabels(id, { "lastbeat.b": true });
      expect((await server.read(id))?.labels).toMatchObject({ "lastbeat.a": 1, "lastbeat.b": true });
      await server.setJobVariables(id, { capacity: "on-demand" });
      expect((await server.read(id))?.jobVariables).toEqual({ capacity: "on-demand" });
      await walk(stage, id, "PENDING", "RUNNING");
      await expect(server.setJobVariables(id, {})).rejects.toThrow(Refused);
    });

    test("has no run that nobody has made", async () => {
      const { server } = await open();
      expect(await server.read("00000000-0000-4000-8000-999999999999")).toBeUndefined();
    });
  });
}
