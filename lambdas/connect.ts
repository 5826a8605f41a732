import { dynamoControl } from "../lib/adapters/aws/control.ts";
import { dynamoEndedRuns } from "../lib/adapters/aws/ended-runs.ts";
import { dynamoGoneAddresses } from "../lib/adapters/aws/gone-addresses.ts";
import { dynamoHosts } from "../lib/adapters/aws/hosts.ts";
import { dynamoOddities } from "../lib/adapters/aws/oddities.ts";
import {
  type RequeueQueues,
  sqsClient,
  sqsDispatches,
  sqsNotices,
  sqsRequeues,
  sqsTicks,
} from "../lib/adapters/aws/queues.ts";
import { dynamoLedger, dynamoResults, dynamoSpecs } from "../lib/adapters/aws/records.ts";
import { dynamoRuns } from "../lib/adapters/aws/runs.ts";
import { dynamoTemplates } from "../lib/adapters/aws/templates.ts";
import type { App } from "../lib/app/app.ts";
import { RETENTION } from "../lib/app/retention.ts";
import { type Span, seconds } from "../lib/core/time.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import type { Control } from "../lib/ports/control.ts";
import type { Dispatches, Templates } from "../lib/ports/dispatch.ts";
import type { Ticks } from "../lib/ports/queues.ts";
import type { Log } from "../lib/ports/runtime.ts";
import type { GoneAddresses } from "../lib/ports/webhooks.ts";
import { lambdaLog } from "./log.ts";
import { theKeys, theTable } from "./store.ts";
import { type Environment, once, setting, systemClock } from "./variables.ts";

let log: Log | undefined;

/** For the embedded server, which prints its decisions for people. Call it before the first request. */
export function printTo(other: Log): void {
  log = other;
}

/** The log of a Lambda: CloudWatch Logs gets its stdout. */
const logOf = (environment: Environment): Log =>
  log ??
  lambdaLog({ name: environment[ENVIRONMENT.name], isQuiet: environment[ENVIRONMENT.logLevel] === "WARN" }, (text) =>
    process.stdout.write(text),
  );

const controlOf = (environment: Environment): Control => {
  const shards = environment[ENVIRONMENT.shards];
  return dynamoControl(theTable(), shards === undefined ? undefined : Number(shards));
};

const retentionOf = (environment: Environment): Span => {
  const days = environment[ENVIRONMENT.retentionDays];
  return days === undefined ? RETENTION : seconds(Number(days) * 24 * 3600);
};

function queuesOf(environment: Environment): RequeueQueues {
  const dispatch = environment[ENVIRONMENT.dispatchQueue];
  return { own: setting(environment, ENVIRONMENT.requeueQueue), ...(dispatch !== undefined && { dispatch }) };
}

/** The environment of the use cases on AWS. Endpoints and credentials are the SDK's own settings. */
function connect(environment: Environment): App {
  const dynamo = theTable();
  const sqs = sqsClient();
  return {
    clock: systemClock,
    keys: theKeys(),
    runs: dynamoRuns(dynamo),
    retention: retentionOf(environment),
    trustRunners: environment[ENVIRONMENT.trustRunners] === "true",
    dice: { roll: Math.random },
    log: logOf(environment),
    specs: dynamoSpecs(dynamo),
    ledger: dynamoLedger(dynamo),
    results: dynamoResults(dynamo),
    endedRuns: dynamoEndedRuns(dynamo),
    hosts: dynamoHosts(dynamo),
    control: controlOf(environment),
    requeues: sqsRequeues(sqs, queuesOf(environment)),
    notices: sqsNotices(sqs, setting(environment, ENVIRONMENT.noticeQueue)),
    oddities: dynamoOddities(dynamo),
  };
}

/** The whole app. */
export const theApp: () => App = once(connect);

/** The templates of Jobs. */
export const theTemplates: () => Templates = once(() => dynamoTemplates(theTable()));

/** The webhooks that are gone. */
export const theGoneAddresses: () => GoneAddresses = once(() => dynamoGoneAddresses(theTable()));

/** The queue of the attempts that a target is asked to start. */
export const theDispatches: () => Dispatches = once((environment) =>
  sqsDispatches(
    sqsClient(),
    setting(environment, ENVIRONMENT.dispatchQueue),
    setting(environment, ENVIRONMENT.dispatchDeadLetters),
  ),
);

/** The parts of the app that the canary needs. */
export const theCanary: () => Pick<App, "clock" | "keys" | "control" | "log"> = once((environment) => ({
  clock: systemClock,
  keys: theKeys(),
  control: controlOf(environment),
  log: logOf(environment),
}));

/** The address for direct beats; undefined if there is none. */
export const beatUrl = (): string | undefined => process.env[ENVIRONMENT.beatUrl];

/** Whether owners' calls without a caller's name are answered. */
export const takesAnonymousOwners = (): boolean => process.env[ENVIRONMENT.anonymousOwners] === "true";

/** The public address of the front door. */
export const frontDoor = (): string => setting(process.env, ENVIRONMENT.frontDoor);

/** The queues of ticks, only for the ticker: for the sweeps, and for the looks at clusters if there are any. */
export const theTicks: () => readonly Ticks[] = once((environment) => {
  const client = sqsClient();
  const watchQueue = environment[ENVIRONMENT.watchQueue];
  return [
    sqsTicks(client, setting(environment, ENVIRONMENT.tickQueue)),
    ...(watchQueue === undefined ? [] : [sqsTicks(client, watchQueue)]),
  ];
});

/** The lease of a run whose owner asks for none; undefined: the default of the core. */
export const defaultLease = (): Span | undefined => {
  const given = process.env[ENVIRONMENT.leaseSeconds];
  return given === undefined ? undefined : seconds(Number(given));
};

/** Time between two sweeps. The default is ten seconds: detection waits for at most two sweeps. */
export const sweepPeriod = (): Span => seconds(Number(process.env[ENVIRONMENT.sweepSeconds] ?? 10));
