import { dynamoControl } from "../../lib/adapters/aws/control.ts";
import type { Dynamo } from "../../lib/adapters/aws/dynamo.ts";
import { dynamoEndedRuns } from "../../lib/adapters/aws/ended-runs.ts";
import { dynamoHosts } from "../../lib/adapters/aws/hosts.ts";
import { dynamoOddities } from "../../lib/adapters/aws/oddities.ts";
import { dynamoLedger, dynamoResults, dynamoSpecs } from "../../lib/adapters/aws/records.ts";
import { dynamoRuns } from "../../lib/adapters/aws/runs.ts";
import { signedRuns } from "../../lib/adapters/aws/signed-runs.ts";
import { memoryNotices, memoryRequeues } from "../../lib/adapters/memory/plumbing.ts";
import type { App } from "../../lib/app/app.ts";
import type { Holder } from "../../lib/app/claim.ts";
import { RETENTION } from "../../lib/app/retention.ts";
import { DEFAULTS } from "../../lib/core/spec.ts";
import { after, type Span } from "../../lib/core/time.ts";
import type * as units from "../../lib/cost/units.ts";
import type { Claims } from "../../lib/wire/credentials.ts";
import { tokenOf } from "../app/service.ts";
import type { Engine } from "../contract/engines.ts";
import { at } from "../contract/samples.ts";
import { billed, metered, meteredCall, type Sent } from "./meter.ts";

/** As many letters as the ids of the usual workflow runners have. */
export const RUN = "nightly-train-42";
export const HOLDER = { id: "00112233445566778899aabbccddeeff", host: "i-0123456789abcdef0" };

/** Registers and claims a run with the default spec; the claims of its token. */
export const usualToken = (app: App, run = RUN, holder: Holder = HOLDER): Promise<Claims> =>
  tokenOf(app, run, DEFAULTS, holder);

export type World = {
  readonly dynamo: Dynamo;
  readonly app: App;
  readonly sent: Sent[];
  pass(span: Span): void;
  /** What this took of the store and of SQS. */
  counted(act: () => Promise<unknown>, isCounted?: (sent: Sent) => boolean): Promise<Omit<units.Units, "requests">>;
};

/** Every adapter that a Lambda has on one metered client; the queues alone are in memory. */
export async function world(engine: Engine, shards = 1): Promise<World> {
  const { dynamo, sent } = await metered(engine);
  const requeues = memoryRequeues();
  let now = at("12:00:00");
  const app: App = {
    clock: { now: () => now },
    dice: { roll: () => 0.5 },
    retention: RETENTION,
    keys: { all: async () => [{ id: "k1", secret: new Uint8Array(32) }] },
    log: { write: () => {} },
    // As in the Lambdas: beats are signed by hand, all else goes by the SDK.
    runs: { ...dynamoRuns(dynamo), ...signedRuns(meteredCall(engine.endpoint, sent), dynamo.table) },
    specs: dynamoSpecs(dynamo),
    ledger: dynamoLedger(dynamo),
    results: dynamoResults(dynamo),
    endedRuns: dynamoEndedRuns(dynamo),
    hosts: dynamoHosts(dynamo),
    control: dynamoControl(dynamo, shards),
    requeues,
    notices: memoryNotices(),
    oddities: dynamoOddities(dynamo),
  };
  await app.control.shards(); // The first service that starts writes the number down, once.
  sent.length = 0;
  return {
    dynamo,
    app,
    sent,
    pass: (span) => {
      now = after(now, span);
    },
    counted: async (act, isCounted = () => true) => {
      sent.length = 0;
      const before = requeues.sent.length;
      await act();
      return { ...billed(sent.filter(isCounted)), sqs: requeues.sent.length - before };
    },
  };
}
