import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { close } from "../lib/app/close.ts";
import { type Dispatched, dispatch } from "../lib/app/dispatch.ts";
import { visitAll } from "../lib/app/visit-all.ts";
import { jobStarter } from "../lib/dispatch/job/starter.ts";
import { webhookStarter } from "../lib/dispatch/webhook/starter.ts";
import { type Dispatches, Refused, type Requeue, type Starter } from "../lib/ports/dispatch.ts";
import { readEnded } from "../lib/wire/read-ended.ts";
import { readRequeue } from "../lib/wire/read-requeue.ts";
import { theClusters } from "./clusters.ts";
import { frontDoor, theApp, theDispatches, theGoneAddresses, theTemplates } from "./connect.ts";
import { orchestratorStarter } from "./orchestrators.ts";
import { theWebhooks } from "./webhooks.ts";

/** The starter of the target that a message names. */
function starterOf({ target }: Pick<Requeue, "target">): Starter {
  const now = theApp().clock.now;
  if (target.kind === "webhook") {
    const webhook = theWebhooks().find(({ name }) => name === target.name);
    if (webhook !== undefined) return webhookStarter(webhook, theGoneAddresses(), now);
    throw new Refused(`there is no webhook ${target.name} in the settings: add it, or register the run elsewhere`, {
      isOwn: false,
    });
  }
  if (target.kind === "prefect" || target.kind === "airflow") {
    const starter = orchestratorStarter(target);
    if (starter !== undefined) return starter;
    throw new Refused(
      `there is no ${target.kind} ${target.name} among the orchestrators of the settings: add it, or register the run elsewhere`,
      { isOwn: false },
    );
  }
  if (target.kind !== "job")
    throw new Refused(`a message for the target ${target.kind} is in the queue of dispatches`, { isOwn: false });
  const found = theClusters().find(({ cluster }) => cluster.name === target.cluster);
  if (found === undefined)
    throw new Refused(`there is no cluster ${target.cluster} in the settings: add it, or register the run elsewhere`, {
      isOwn: false,
    });
  const agent = { image: found.agentImage, url: frontDoor() };
  return jobStarter(found.jobs, theTemplates(), target, agent, now);
}

/** One message. One that cannot be handled for good goes to the dead letters with the reason; the others come again. */
async function handle({ body }: SQSRecord): Promise<void> {
  const dispatches = theDispatches();
  let requeue: Requeue;
  try {
    const ended = readEnded(body);
    if (ended !== undefined) return await follow(dispatches, body, await close(theApp(), starterOf, ended));
    requeue = readRequeue(body);
  } catch (error) {
    theApp().log.write({ decision: "dispatch-refused", error: String(error) });
    return dispatches.bury(body, error instanceof Error ? error.message : String(error));
  }
  await follow(dispatches, body, await dispatch(theApp(), starterOf, requeue));
}

/** What becomes of a message. */
async function follow(dispatches: Dispatches, body: string, result: Dispatched): Promise<void> {
  if (result.kind === "again") await dispatches.again(body, result.after);
  if (result.kind === "refused") await dispatches.bury(body, result.why);
}

/** Each message is a few requests to an API server, or one to a webhook. */
const AT_ONCE = 5;

/** The attempts that targets are asked to start. A message that fails comes again, and delays no other. */
export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }) => {
  const failures = await visitAll(Records, AT_ONCE, handle);
  for (const { error } of failures) theApp().log.write({ decision: "dispatch-failed", error: String(error) });
  return { batchItemFailures: failures.map(({ one }) => ({ itemIdentifier: one.messageId })) };
});
