import { dynamoControl } from "../lib/adapters/aws/control.ts";
import { dynamoEndedRuns } from "../lib/adapters/aws/ended-runs.ts";
import { dynamoHosts } from "../lib/adapters/aws/hosts.ts";
import { dynamoOddities } from "../lib/adapters/aws/oddities.ts";
import { sqsClient, sqsNotices, sqsRequeues, sqsTicks } from "../lib/adapters/aws/queues.ts";
import { dynamoLedger, dynamoResults, dynamoSpecs } from "../lib/adapters/aws/records.ts";
import { dynamoRuns } from "../lib/adapters/aws/runs.ts";
import type { App } from "../lib/app/app.ts";
import { RETENTION } from "../lib/app/retention.ts";
import { type Span, seconds } from "../lib/core/time.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import type { Control } from "../lib/ports/control.ts";
import type { Log } from "../lib/ports/environment.ts";
import type { Ticks } from "../lib/ports/queues.ts";
import { type Environment, once, setting, systemClock } from "./environment.ts";
import { lambdaLog } from "./log.ts";
import { theKeys, theTable } from "./store.ts";

let log: Log | undefined;

/** The embedded server prints its decisions for people. To be called before the first request. */
export function printTo(other: Log): void {
  log = other;
}

/** A Lambda's own: stdout is what CloudWatch Logs gets. */
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

/** The use cases' surroundings on AWS. Endpoints and credentials are the SDK's own settings. */
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
    requeues: sqsRequeues(sqs, setting(environment, ENVIRONMENT.requeueQueue)),
    notices: sqsNotices(sqs, setting(environment, ENVIRONMENT.noticeQueue)),
    oddities: dynamoOddities(dynamo),
  };
}

/** The whole app. */
export const theApp: () => App = once(connect);

/** What the canary is connected to. */
export const theCanary: () => Pick<App, "clock" | "keys" | "control" | "log"> = once((environment) => ({
  clock: systemClock,
  keys: theKeys(),
  control: controlOf(environment),
  log: logOf(environment),
}));

/** Where beats may go directly, when there is such a place. */
export const beatUrl = (): string | undefined => process.env[ENVIRONMENT.beatUrl];

/** Whether owners' calls are answered that name no caller of IAM. */
export const takesAnonymousOwners = (): boolean => process.env[ENVIRONMENT.anonymousOwners] === "true";

/** The public address of the front door. */
export const frontDoor = (): string => setting(process.env, ENVIRONMENT.frontDoor);

/** The queue of ticks, for the ticker alone. */
export const theTicks: () => Ticks = once((environment) =>
  sqsTicks(sqsClient(), setting(environment, ENVIRONMENT.tickQueue)),
);

/** The lease of a run whose owner asks for none; undefined leaves it to the core's own default. */
export const defaultLease = (): Span | undefined => {
  const given = process.env[ENVIRONMENT.leaseSeconds];
  return given === undefined ? undefined : seconds(Number(given));
};

/** Time between two sweeps. Ten seconds is the design's default: detection waits for at most two of them. */
export const sweepPeriod = (): Span => seconds(Number(process.env[ENVIRONMENT.sweepSeconds] ?? 10));
