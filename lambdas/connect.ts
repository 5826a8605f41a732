import type { App } from "../lib/app/app.ts";
import { dynamoControl } from "../lib/aws/control.ts";
import { dynamoClient } from "../lib/aws/dynamo.ts";
import { dynamoEndedRuns } from "../lib/aws/ended-runs.ts";
import { dynamoHosts } from "../lib/aws/hosts.ts";
import { dynamoOddities } from "../lib/aws/oddities.ts";
import { sqsClient, sqsNotices, sqsRequeues, sqsTicks } from "../lib/aws/queues.ts";
import { dynamoLedger, dynamoResults, dynamoSpecs } from "../lib/aws/records.ts";
import { dynamoRuns } from "../lib/aws/runs.ts";
import { instant, type Span, seconds } from "../lib/core/time.ts";
import { ENVIRONMENT } from "../lib/names.ts";
import type { Ticks } from "../lib/ports/queues.ts";
import type { Clock, Key, Log } from "../lib/ports/surroundings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

function setting(environment: Environment, name: string): string {
  const value = environment[name];
  if (value === undefined || value === "") throw new Error(`the environment variable ${name} is not set`);
  return value;
}

/** 256 bits: a shorter secret would be weaker than the HMAC itself. */
const SECRET_BYTES = 32;

/** The signing keys of the environment. Errors name the key by its place, never its secret. */
export function keysOf(value: string): readonly [Key, ...Key[]] {
  const keys = value.split(",").map((part, index): Key => {
    const [id = "", secret = ""] = part.split(":");
    const bytes = Buffer.from(secret, "base64url");
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(id) || bytes.length < SECRET_BYTES)
      throw new Error(
        `key ${index + 1} of ${ENVIRONMENT.keys} is not <id>:<base64url of at least ${SECRET_BYTES} bytes>`,
      );
    return { id, secret: bytes };
  });
  const [newest, ...older] = keys;
  if (newest === undefined) throw new Error(`${ENVIRONMENT.keys} holds no key`);
  return [newest, ...older];
}

/** One line of JSON per decision, as CloudWatch Logs Insights reads it. */
const jsonLog: Log = { write: (line) => console.log(JSON.stringify(line)) };

let log: Log = jsonLog;

/** The embedded server prints its decisions for people. To be called before the first request. */
export function printTo(other: Log): void {
  log = other;
}

export const systemClock: Clock = { now: () => instant(Date.now()) };

/** The use cases' surroundings on AWS. Endpoints and credentials are the SDK's own settings. */
function connect(environment: Environment): App {
  const dynamo = { client: dynamoClient(), table: setting(environment, ENVIRONMENT.table) };
  const sqs = sqsClient();
  const keys = keysOf(setting(environment, ENVIRONMENT.keys));
  return {
    clock: systemClock,
    dice: { roll: Math.random },
    keys: { all: async () => keys },
    log,
    runs: dynamoRuns(dynamo),
    specs: dynamoSpecs(dynamo),
    ledger: dynamoLedger(dynamo),
    results: dynamoResults(dynamo),
    endedRuns: dynamoEndedRuns(dynamo),
    hosts: dynamoHosts(dynamo),
    control: dynamoControl(dynamo),
    requeues: sqsRequeues(sqs, setting(environment, ENVIRONMENT.requeueQueue)),
    notices: sqsNotices(sqs, setting(environment, ENVIRONMENT.noticeQueue)),
    oddities: dynamoOddities(dynamo),
  };
}

let app: App | undefined;

/** The connected app of this Lambda container: made at the first request, kept for the next ones. */
export function theApp(): App {
  app ??= connect(process.env);
  return app;
}

/** The queue of ticks, for the ticker alone. */
export const theTicks = (): Ticks => sqsTicks(sqsClient(), setting(process.env, ENVIRONMENT.tickQueue));

/** Time between two sweeps. Ten seconds is the design's default: detection waits for at most two of them. */
export const sweepPeriod = (): Span => seconds(Number(process.env[ENVIRONMENT.sweepSeconds] ?? 10));
