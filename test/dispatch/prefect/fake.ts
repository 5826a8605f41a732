import { type Instant, instant } from "../../../lib/core/time.ts";
import { Refused } from "../../../lib/ports/dispatch.ts";
import type { FlowRun, PrefectAnswer, PrefectServer, PrefectStateType } from "../../../lib/ports/prefect.ts";
import type { AskedState, PrefectStage } from "./stage.ts";

/*
 * What a server of Prefect 3.9.1 does with states, in memory. The suite of stage.ts holds it against the real one.
 */

type Kept = { -readonly [K in keyof FlowRun]: FlowRun[K] } & { readonly states: AskedState[] };

const FINAL: ReadonlySet<PrefectStateType> = new Set(["COMPLETED", "FAILED", "CANCELLED", "CRASHED"]);

const accept: PrefectAnswer = { status: "ACCEPT", reason: "" };

export function fakePrefect(now: () => Instant): PrefectStage {
  const runs = new Map<string, Kept>();
  let made = 0;

  const kept = (id: string): Kept => {
    const found = runs.get(id);
    if (found === undefined) throw new Refused(`there is no flow run ${id}`, { isOwn: false });
    return found;
  };

  const enter = (run: Kept, to: AskedState, retryType: string | null): PrefectAnswer => {
    const { transitionId, ...rest } = run;
    void transitionId;
    Object.assign(run, rest, {
      state: to.type,
      stateName: to.name ?? to.type,
      stateAt: now(),
      message: to.message ?? "",
      transitionId: to.transitionId,
      policy: { ...run.policy, retry_type: retryType },
      runCount: run.runCount + (to.type === "RUNNING" ? 1 : 0),
    });
    run.states.push(to);
    return accept;
  };

  const ask = (id: string, to: AskedState): PrefectAnswer => {
    const run = kept(id);
    const retryType = (run.policy["retry_type"] ?? null) as string | null;
    if (to.transitionId !== undefined && to.transitionId === run.transitionId)
      return { status: "REJECT", reason: "This run has already made this state transition." };
    if (FINAL.has(run.state)) {
      if (to.type === "CRASHED") return { status: "ABORT", reason: `Run is already in terminal state ${run.state}.` };
      if (to.type === "SCHEDULED" && !run.hasDeployment)
        return { status: "ABORT", reason: "Cannot reschedule a run without an associated deployment." };
      if (to.type === "SCHEDULED") return enter(run, to, "reschedule");
    }
    const { retries } = run.policy;
    if (run.state === "RUNNING" && to.type === "FAILED" && run.runCount <= Number(retries ?? 0)) {
      enter(run, { type: "SCHEDULED", name: "AwaitingRetry" }, "in_process");
      return { status: "REJECT", reason: "Retrying" };
    }
    return enter(run, to, retryType);
  };

  const server: PrefectServer = {
    read: async (id) => {
      const run = runs.get(id);
      return run === undefined ? undefined : { ...run };
    },
    transition: async (id, to) => ask(id, to),
    setPolicy: async (id, policy) => {
      kept(id).policy = policy;
    },
    setJobVariables: async (id, variables) => {
      const run = kept(id);
      if (run.state !== "SCHEDULED")
        throw new Refused(`Job variables cannot be updated in ${run.state}`, { isOwn: false });
      run.jobVariables = variables;
    },
    addLabels: async (id, labels) => {
      const run = kept(id);
      run.labels = { ...run.labels, ...labels };
    },
  };

  return {
    server,
    create: async ({ hasDeployment = true, retries = 0 } = {}) => {
      made += 1;
      const id = `00000000-0000-4000-8000-${String(made).padStart(12, "0")}`;
      const at = instant(now());
      runs.set(id, {
        state: "SCHEDULED",
        stateName: "Scheduled",
        stateAt: at,
        message: "",
        runCount: 0,
        policy: { retries, retry_type: null },
        jobVariables: {},
        labels: {},
        hasDeployment,
        expectedStart: at,
        states: [{ type: "SCHEDULED" }],
      });
      return id;
    },
    ask: async (id, to) => ask(id, to),
    states: async (id) => kept(id).states,
  };
}
