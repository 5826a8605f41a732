import { createHmac } from "node:crypto";
import type { AddressInfo } from "node:net";
import type { Context } from "aws-lambda";
import { handler as beat } from "../lambdas/beat.ts";
import { printTo } from "../lambdas/connect.ts";
import { printLinesTo } from "../lambdas/http.ts";
import { handler as notice } from "../lambdas/notice.ts";
import { handler as owner } from "../lambdas/owner.ts";
import { handler as runner } from "../lambdas/runner.ts";
import { handler as sweep } from "../lambdas/sweep.ts";
import { handler as ticker } from "../lambdas/ticker.ts";
import { dynamoClient } from "../lib/adapters/aws/dynamo.ts";
import { sqsClient } from "../lib/adapters/aws/queues.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import type { Log } from "../lib/ports/runtime.ts";
import { type Emulators, startEmulators } from "./emulators.ts";
import { putEvents } from "./events.ts";
import { forgetful, recall, remember } from "./folder.ts";
import { forgetAws, useEmulators, useResources } from "./forget-aws.ts";
import { contextFor, frontDoor, type Lambda } from "./http.ts";
import { textLog } from "./log.ts";
import { mapQueue, type QueueLambda } from "./mapping.ts";
import { createQueues, createTable } from "./resources.ts";
import { Unusable } from "./unusable.ts";

export type DevSettings = {
  /** 0: a free port. */
  readonly port: number;
  /** The folder that keeps everything; without it, everything is in memory. */
  readonly data?: string;
  /** Whole seconds between two sweeps. */
  readonly sweepSeconds: number;
  /** The clusters to watch, each a context of a kubeconfig. */
  readonly clusters?: readonly KubeContext[];
  /** The webhooks, which may be on this machine. */
  readonly webhooks?: readonly { readonly name: string; readonly url: string }[];
  /** The orchestrators, each with its secret as a text. */
  readonly orchestrators?: readonly Orchestrator[];
  /** The log for decisions; by default, lines for people on stderr. */
  readonly log?: Log;
};

/** A context of a kubeconfig; without a name, the current one. `agentImage`: the image of the agent for its pods. */
export type KubeContext = { readonly kubeconfig: string; readonly context?: string; readonly agentImage?: string };

/** An orchestrator, as the settings of a deployment have it, but with its secret itself. */
export type Orchestrator = {
  readonly kind: "prefect" | "airflow";
  readonly name: string;
  readonly url: string;
  readonly secret?: string;
};

/** What an SDK needs to reach the embedded server; the answer of `GET /dev/info`. */
export type DevInfo = {
  readonly api: string;
  readonly dynamodb: string;
  readonly sqs: string;
  readonly queueUrl: string;
  readonly deadLetterUrl: string;
  readonly table: string;
  /** The webhooks, with the secrets that sign their events. */
  readonly webhooks?: readonly { readonly name: string; readonly url: string; readonly secret: string }[];
};

export type Dev = {
  readonly info: DevInfo;
  /** Rejects with the reason if the server cannot continue. */
  readonly died: Promise<never>;
  stop(): Promise<void>;
};

type MinuteLambda = (event: { time: string }, context: Context) => Promise<unknown>;

const TABLE_NAME = "lastbeat";
const MINUTE = 60_000;

/**
 * A reclaim of a whole fleet sends thousands of events at once, and each waits for its turn. Four pollers keep the
 * emulators busy. Eight were no faster on two cores, and slowed down the program that posts the events.
 */
const NOTICE_POLLERS = 4;

/** A message waits for its target, not for us. */
const DISPATCH_POLLERS = 2;

async function listen(door: ReturnType<typeof frontDoor>, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    door.once("error", reject);
    door.listen(port, "127.0.0.1", resolve);
  });
  return `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
}

/**
 * Plays the rule that fires every minute. The first time it also covers the minute before the start, so sweeps begin at
 * once.
 */
function everyMinute(fire: (time: Date) => Promise<unknown>): NodeJS.Timeout {
  const attempt = (time: Date): void => {
    fire(time).catch((error: unknown) => console.error(error));
  };
  attempt(new Date(Date.now() - MINUTE));
  attempt(new Date());
  return setInterval(() => attempt(new Date()), MINUTE);
}

async function emulatorsFor(data: string | undefined): Promise<{ emulators: Emulators; keys: string }> {
  const { keys, dynamodbPort, sqsPort } = data === undefined ? forgetful() : recall(data);
  const emulators = await startEmulators({ dynamodbPort, sqsPort, ...(data !== undefined && { folder: data }) });
  if (data !== undefined) remember(data, { keys, dynamodbPort: emulators.dynamodbPort, sqsPort: emulators.sqsPort });
  if (dynamodbPort !== 0 && (dynamodbPort !== emulators.dynamodbPort || sqsPort !== emulators.sqsPort))
    console.error("another program uses a port of the last start: the addresses below are new");
  return { emulators, keys };
}

/**
 * Starts the embedded server: the Lambdas of the cloud behind a small HTTP server, on emulators. A process can have
 * only one, because the Lambdas read the environment of the process.
 */
export async function startDev(settings: DevSettings): Promise<Dev> {
  forgetAws(process.env);
  const { emulators, keys } = await emulatorsFor(settings.data);
  try {
    return await Promise.race([serve(settings, emulators, keys), emulators.died]);
  } catch (error) {
    await emulators.stop(); // otherwise their thread would keep the process alive
    throw error;
  }
}

/** The Lambda that asks targets to start attempts. It is loaded on demand, with the clients that only it needs. */
const dispatchLambda = async (): Promise<QueueLambda> =>
  (await import("../lambdas/dispatch.ts")).handler as QueueLambda;

/** The Lambda that looks at these clusters. It is loaded on demand, too. */
async function watchLambda(contexts: readonly KubeContext[]): Promise<QueueLambda> {
  const [{ handler: watch }, { useClusters }, { kubeconfigClient, KubeconfigError }] = await Promise.all([
    import("../lambdas/watch.ts"),
    import("../lambdas/clusters.ts"),
    import("../lib/adapters/kubernetes/kubeconfig.ts"),
  ]);
  try {
    const clusters = contexts.map(({ kubeconfig, context, agentImage }) => ({
      ...kubeconfigClient(kubeconfig, context),
      ...(agentImage !== undefined && { agentImage }),
    }));
    useClusters(clusters);
    process.env[ENVIRONMENT.clusters] = JSON.stringify(clusters.map(({ name }) => ({ name })));
  } catch (error) {
    throw error instanceof KubeconfigError ? new Unusable(error.message) : error;
  }
  return watch as QueueLambda;
}

/** Lets the Lambdas know the webhooks. Their secrets stay as long as the keys of the server do. */
async function knowWebhooks(
  webhooks: NonNullable<DevSettings["webhooks"]>,
  keys: string,
): Promise<NonNullable<DevInfo["webhooks"]>> {
  const known = webhooks.map((each) => {
    const bytes = createHmac("sha256", keys).update(`webhook ${each.name}`).digest("base64");
    return { ...each, secret: `whsec_${bytes}`, allowPrivate: true };
  });
  const { useWebhooks } = await import("../lambdas/webhooks.ts");
  useWebhooks(known);
  process.env[ENVIRONMENT.webhooks] = JSON.stringify(known.map(({ name }) => ({ name })));
  return known.map(({ allowPrivate: _, ...webhook }) => webhook);
}

/** Lets the Lambdas know the orchestrators. */
async function knowOrchestrators(orchestrators: readonly Orchestrator[]): Promise<void> {
  const { useOrchestrators } = await import("../lambdas/orchestrators.ts");
  useOrchestrators(orchestrators);
  process.env[ENVIRONMENT.orchestrators] = JSON.stringify(orchestrators.map(({ kind, name }) => ({ kind, name })));
}

async function serve(
  { port, sweepSeconds, log = textLog, clusters = [], webhooks = [], orchestrators = [] }: DevSettings,
  emulators: Emulators,
  keys: string,
): Promise<Dev> {
  const dynamodb = `http://127.0.0.1:${emulators.dynamodbPort}`;
  const sqs = `http://127.0.0.1:${emulators.sqsPort}`;
  useEmulators(process.env, dynamodb, sqs);
  const sqsOfDev = sqsClient();
  await createTable(dynamoClient(), TABLE_NAME);
  const queues = await createQueues(sqsOfDev, sqs);
  const isWatching = clusters.length > 0;
  const isDispatching = isWatching || webhooks.length > 0 || orchestrators.length > 0;
  useResources(process.env, { table: TABLE_NAME, queues, keys, sweepSeconds, isWatching, isDispatching });
  const watch = isWatching ? await watchLambda(clusters) : undefined;
  const told = webhooks.length > 0 ? await knowWebhooks(webhooks, keys) : undefined;
  if (orchestrators.length > 0) await knowOrchestrators(orchestrators);
  const dispatch = isDispatching ? await dispatchLambda() : undefined;
  printTo(log);
  printLinesTo(log);

  let info: DevInfo | undefined;
  const door = frontDoor({
    services: { owner: owner as Lambda, runner: runner as Lambda, beat: beat as Lambda },
    own: {
      "GET /dev/info": () => ({ status: 200, body: info }),
      "POST /dev/events": (body) => putEvents(sqsOfDev, queues.notice, body),
    },
  });
  const api = await listen(door, port);
  process.env[ENVIRONMENT.frontDoor] = api;
  info = {
    api,
    dynamodb,
    sqs,
    queueUrl: queues.requeue,
    deadLetterUrl: queues.deadLetter,
    table: TABLE_NAME,
    ...(told !== undefined && { webhooks: told }),
  };

  const mappings = [
    mapQueue(sqsOfDev, queues.tick, sweep as QueueLambda),
    mapQueue(sqsOfDev, queues.notice, notice as QueueLambda, NOTICE_POLLERS),
    ...(watch === undefined ? [] : [mapQueue(sqsOfDev, queues.watch, watch)]),
    ...(dispatch === undefined ? [] : [mapQueue(sqsOfDev, queues.dispatch, dispatch, DISPATCH_POLLERS)]),
  ];
  const rule = everyMinute((time) =>
    (ticker as unknown as MinuteLambda)({ time: time.toISOString() }, contextFor(MINUTE)),
  );
  return {
    info,
    died: emulators.died,
    stop: async () => {
      clearInterval(rule);
      door.closeAllConnections();
      await new Promise((resolve) => door.close(resolve));
      await Promise.all(mappings.map((mapping) => mapping.stop()));
      await emulators.stop();
    },
  };
}
