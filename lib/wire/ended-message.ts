import type { Ended } from "../core/run.ts";
import type { Registration, Target } from "../core/spec.ts";
import type { RequeueMessage } from "../ports/queues.ts";
import type { LedgerLine } from "../ports/records.ts";
import { asciiJson } from "./ascii.ts";
import { iso } from "./instants.ts";

/** The type of the event that tells a target about the end of a run. */
export const RUN_ENDED = "lastbeat.run.ended.v1";

/** Whether the target of a run is told about its end: an orchestrator would show it as running. */
export const isToldOfEnd = ({ kind }: Target): boolean => kind === "prefect" || kind === "airflow";

/** The message about the end of a run, a CloudEvent 1.0 in structured JSON. It goes into the queue of dispatches alone. */
export function endedMessage(ended: Ended, { spec }: Registration, line: LedgerLine | undefined): RequeueMessage {
  const { run, attempt, outcome, cause, endedAt } = ended;
  const id = `${run}.ended`;
  const event = {
    specversion: "1.0",
    id,
    source: "lastbeat",
    type: RUN_ENDED,
    subject: `runs/${run}`,
    time: iso(endedAt),
    datacontenttype: "application/json",
    data: { run, attempt, outcome, cause, target: spec.target, ...(line?.claim && { holder: line.claim.holder }) },
  };
  return { id, body: asciiJson(event), target: spec.target.kind };
}
