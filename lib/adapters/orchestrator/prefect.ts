import * as z from "zod/mini";
import { type Instant, instant } from "../../core/time.ts";
import { Refused } from "../../ports/dispatch.ts";
import type { FlowRun, PrefectServer } from "../../ports/prefect.ts";
import { keptSecret } from "../kept-secret.ts";
import { answered, type JsonClient, jsonClient, OF_OPERATOR, secretText } from "./json-client.ts";

/** A server of Prefect 3. `url`: of its API, `https://prefect.example/api` or that of a workspace of Prefect Cloud. */
export type PrefectAddress = { readonly name: string; readonly url: string };

const TYPES = [
  "SCHEDULED",
  "PENDING",
  "RUNNING",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
  "CRASHED",
  "PAUSED",
  "CANCELLING",
] as const;

const time = z.pipe(
  z.string(),
  z.transform((text: string, context): Instant => {
    const at = Date.parse(text);
    if (Number.isNaN(at)) context.issues.push({ code: "custom", message: "is no time", input: text });
    return instant(at);
  }),
);

/** What is used of a flow run; there is more in it, and newer servers have more. */
const flowRun = z.looseObject({
  state: z.looseObject({
    type: z.enum(TYPES),
    name: z.string(),
    timestamp: time,
    message: z.nullish(z.string()),
    state_details: z.looseObject({ transition_id: z.nullish(z.string()) }),
  }),
  run_count: z.int(),
  empirical_policy: z.record(z.string(), z.unknown()),
  job_variables: z.nullish(z.record(z.string(), z.unknown())),
  labels: z.nullish(z.record(z.string(), z.unknown())),
  deployment_id: z.nullish(z.string()),
  expected_start_time: z.nullish(time),
});

const answer = z.looseObject({
  status: z.enum(["ACCEPT", "REJECT", "ABORT", "WAIT"]),
  details: z.looseObject({ reason: z.nullish(z.string()) }),
});

/** The API key of Prefect Cloud, or the auth string `user:password` of a server of one's own. */
const proofOf = (what: string, secret: string): Readonly<Record<string, string>> => {
  const text = secretText(what, secret);
  if (text === "") return {};
  const isPair = text.includes(":");
  return { authorization: isPair ? `Basic ${Buffer.from(text).toString("base64")}` : `Bearer ${text}` };
};

/** `readSecret`: the text that `proofOf` understands; empty for a server that asks for none. */
export function prefectServer(
  { name, url }: PrefectAddress,
  readSecret: () => Promise<string>,
  now: () => Instant,
): PrefectServer {
  const what = `the server of Prefect ${name}`;
  const proof = keptSecret(async () => proofOf(what, await readSecret()), now);
  const call: JsonClient = jsonClient(what, url, proof);

  return {
    read: async (id) => {
      const { status, body } = await call({ method: "GET", path: `flow_runs/${id}`, expects: [404] });
      if (status === 404 && JSON.stringify(body ?? "").includes("Flow run")) return undefined;
      if (status === 404)
        throw new Refused(`${what} has no API at ${url}: it ends in /api, or is that of a workspace`, OF_OPERATOR);
      return flowRunOf(answered(what, flowRun, body));
    },
    transition: async (id, { type, name: stateName, message, transitionId, scheduledTime }) => {
      const details = {
        transition_id: transitionId,
        ...(scheduledTime !== undefined && { scheduled_time: new Date(scheduledTime).toISOString() }),
      };
      const state = { type, name: stateName, message, state_details: details };
      // Its status says nothing: a refused transition is answered with 200.
      const { body } = await call({
        method: "POST",
        path: `flow_runs/${id}/set_state`,
        body: { state, force: false },
      });
      const { status, details: told } = answered(what, answer, body);
      return { status, reason: told.reason ?? "" };
    },
    setPolicy: async (id, policy) => {
      await call({ method: "PATCH", path: `flow_runs/${id}`, body: { empirical_policy: policy } });
    },
    setJobVariables: async (id, variables) => {
      await call({ method: "PATCH", path: `flow_runs/${id}`, body: { job_variables: variables } });
    },
    addLabels: async (id, labels) => {
      await call({ method: "PATCH", path: `flow_runs/${id}/labels`, body: labels });
    },
  };
}

function flowRunOf(found: z.infer<typeof flowRun>): FlowRun {
  const { state, run_count, empirical_policy, job_variables, labels, deployment_id, expected_start_time } = found;
  const { transition_id } = state.state_details;
  return {
    state: state.type,
    stateName: state.name,
    stateAt: state.timestamp,
    message: state.message ?? "",
    ...(typeof transition_id === "string" && { transitionId: transition_id }),
    runCount: run_count,
    policy: empirical_policy,
    jobVariables: job_variables ?? {},
    labels: labels ?? {},
    hasDeployment: typeof deployment_id === "string",
    expectedStart: expected_start_time ?? state.timestamp,
  };
}
