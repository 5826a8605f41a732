import { randomBytes } from "node:crypto";
import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { httpDoor } from "../../../lib/agent/client.ts";
import { type Left, live } from "../../../lib/agent/driver.ts";
import { requestTimeout } from "../../../lib/agent/heart.ts";
import { type Api, api } from "../../../lib/cli/api.ts";
import { seconds } from "../../../lib/core/time.ts";
import { signer } from "../../../lib/stack/sign.ts";
import type { RequeueEvent } from "../../../lib/wire/requeue.ts";
import type { RecordView } from "../../../lib/wire/run-view.ts";
import { type Deployment, deployment } from "../deployment.ts";
import { REGION, ROOT } from "../emulator.ts";
import { type Relay, relayAs } from "../relay.ts";
import { type Microburst, startMicroburst } from "./microburst.ts";
import { startMiniStack } from "./ministack.ts";

let here: Deployment;
let burst: Microburst;
let relay: Relay;
let owner: Api;

beforeAll(async () => {
  here = await deployment(startMiniStack);
  await here.deploy({});
  relay = await relayAs(new URL(here.wiretap.url).host, here.emulator.endpoint);
  burst = await startMicroburst(relay.url);
  owner = api(here.url(), { signer: signer({ region: REGION, credentials: async () => ROOT }) });
});
afterAll(async () => {
  await burst?.stop();
  await relay?.stop();
  await here?.stop();
});

const RUNS = 200;
const DYING = 5;
const LEASE = seconds(30);
/** Long enough for the rule of every minute, and for a lease and two sweeps after that. */
const LASTING_MS = 110_000;

/** Of AWS as it is on a bad day, and worse: every third call of a Lambda meets one of these. */
const FAULTS = [
  { service: "dynamodb", probability: 0.1, error: { code: "ProvisionedThroughputExceededException" } },
  { service: "dynamodb", probability: 0.05, error: { code: "InternalServerError", status: 500 } },
  // The write is done, and its reply is lost: the client writes again.
  { service: "dynamodb", probability: 0.05, response: { abort_frac: 0.3 } },
  { service: "dynamodb", probability: 0.1, latency: { min: 100, max: 700 } },
  // Few messages are sent, so these are counted: the first two are refused, the replies of the next two are lost.
  { service: "sqs", operation: "SendMessage", times: 2, error: { code: "ThrottlingException", status: 400 } },
  { service: "sqs", operation: "SendMessage", times: 2, response: { abort_frac: 0.3 } },
  { service: "secretsmanager", probability: 0.2, error: { code: "InternalServiceError", status: 500 } },
];

type Runner = { readonly name: string; readonly left: Promise<Left>; die(): void };

/** The agent's real heart over the real front door, with a child that waits. One that dies says nothing more. */
async function start(name: string): Promise<Runner> {
  const spec = { leaseSeconds: LEASE / 1000, backoff: { baseSeconds: 0 } };
  const { ticket } = await owner.call<{ ticket: string }>("PUT", `/v1/runs/${name}`, spec);
  const gone = new AbortController();
  const door = httpDoor(here.url(), { run: name, timeout: requestTimeout(LEASE), until: gone.signal });
  const never = new Promise<never>(() => {});
  const orNothing = <T>(answer: Promise<T>): Promise<T> => answer.then((it) => (gone.signal.aborted ? never : it));
  const started = Promise.withResolvers<void>();
  const { left } = live({
    door: {
      claim: (credential, holder) => orNothing(door.claim(credential, holder)),
      beat: (token) => (gone.signal.aborted ? never : orNothing(door.beat(token))),
      notice: (token, notice) => orNothing(door.notice(token, notice)),
      finish: (token, report) => (gone.signal.aborted ? never : orNothing(door.finish(token, report))),
    },
    ticket,
    lease: LEASE,
    holder: { id: randomBytes(16).toString("hex"), host: `host-${name}` },
    start: (_, __, ended) => {
      started.resolve();
      setTimeout(() => ended({ exitCode: 0, status: 0 }), LASTING_MS).unref();
      return { signal: () => {} };
    },
    say: () => {},
  });
  await started.promise;
  return { name, left, die: () => gone.abort() };
}

/** All ids that have come to the requeue queue. */
async function messages(): Promise<readonly RequeueEvent[]> {
  const found: RequeueEvent[] = [];
  for (;;) {
    const { Messages = [] } = await here.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: here.output("requeueQueue"), MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    );
    if (Messages.length === 0) return found;
    found.push(...Messages.map(({ Body = "" }) => JSON.parse(Body) as RequeueEvent));
  }
}

test(`${RUNS} runs beat through throttles, errors, lost replies and latency: none is lost falsely, and no requeue`, async () => {
  const runners: Runner[] = [];
  const names = Array.from({ length: RUNS }, (_, n) => `run-${n}`);
  // Eight at a time: each Lambda that runs at once is a process here.
  for (let n = 0; n < RUNS; n += 8) runners.push(...(await Promise.all(names.slice(n, n + 8).map(start))));
  here.wiretap.leadTo(here.emulator.endpoint, burst.url);
  await burst.inject(FAULTS);
  const [dying, healthy] = [runners.slice(0, DYING), runners.slice(DYING)];
  for (const runner of dying) runner.die();
  const left = await Promise.all(healthy.map((runner) => runner.left));
  // A message whose sending failed is sent by a later sweep, which the next minute's rule may bring.
  const told: RequeueEvent[] = [];
  while (new Set(told.map(({ data }) => data.run)).size < DYING) told.push(...(await messages()));
  const fired = await burst.fired();
  here.wiretap.leadTo(here.emulator.endpoint);
  expect(left.filter(({ code }) => code !== 0)).toEqual([]);
  expect(fired.filter((times) => times > 0)).toHaveLength(FAULTS.length);
  const records: RecordView[] = [];
  for (const { name } of healthy) records.push(await owner.call<RecordView>("GET", `/v1/runs/${name}`));
  expect(records.filter(({ outcome, attempts }) => outcome !== "succeeded" || attempts.length !== 1)).toEqual([]);
  expect([...new Set(told.map(({ data }) => data.run))].sort()).toEqual(dying.map(({ name }) => name).sort());
  expect(told.every(({ data }) => data.cause === "lost")).toBe(true);
  console.log(`${RUNS} runs; faults by kind: ${fired.join(", ")}; ${told.length} messages for ${DYING} dead runs`);
});
