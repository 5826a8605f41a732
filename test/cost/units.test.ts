import { ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type Item, textOf } from "../../lib/adapters/aws/item.ts";
import type { App } from "../../lib/app/app.ts";
import { beat } from "../../lib/app/beat.ts";
import { canary } from "../../lib/app/canary.ts";
import { claim } from "../../lib/app/claim.ts";
import { finish } from "../../lib/app/finish.ts";
import { expiryOf, lineExpiryOf, RETENTION } from "../../lib/app/retention.ts";
import { sweep } from "../../lib/app/sweep.ts";
import { PAGE } from "../../lib/app/sweep-reading.ts";
import { DEFAULTS } from "../../lib/core/spec.ts";
import { after, instant, seconds } from "../../lib/core/time.ts";
import { itemBytes } from "../../lib/cost/dynamodb-units.ts";
import * as units from "../../lib/cost/units.ts";
import type { Claims } from "../../lib/wire/credentials.ts";
import { ticketOf } from "../app/service.ts";
import { clientAt, dynamoDbLocalEngine, startDynalite } from "../contract/engines.ts";
import { isOfPass, type Sent } from "./meter.ts";
import { HOLDER, RUN, usualToken, type World, world } from "./world.ts";

/** As an agent names itself. */
const AGENT = { ...HOLDER, runner: "ip-10-0-12-34", pid: "42" };

/** Amazon's own engine where Java is; dynalite, which brings no item back with a refused write, elsewhere. */
const local = await dynamoDbLocalEngine();
const engine = "missing" in local ? await startDynalite() : local;
afterAll(() => engine.stop());

const unitsOf = ({ writes, reads, sqs }: units.Units): Omit<units.Units, "requests"> => ({ writes, reads, sqs });

const tokenOf = (app: App, run = RUN): Promise<Claims> => usualToken(app, run, AGENT);

const swept = async ({ app }: World): Promise<void> => {
  const counts = await sweep(app, { period: seconds(10), until: after(app.clock.now(), seconds(25)) });
  expect(counts).toMatchObject({ failed: 0, frozen: 0, limited: 0 });
};

/** An operation that so many sweeps carry out. */
const within = (sweeps: number, { writes, reads, sqs }: units.Units): Omit<units.Units, "requests"> => ({
  writes: writes + sweeps * units.SWEEP.writes,
  reads: reads + sweeps * units.SWEEP.reads,
  sqs,
});

const isFound = (sent: Sent): boolean => !isOfPass(sent);

describe("what an operation takes is what the bill says", () => {
  let here: World;
  beforeEach(async () => {
    here = await world(engine);
  });

  test("a registration", async () => {
    expect(await here.counted(() => ticketOf(here.app, RUN, DEFAULTS))).toEqual(unitsOf(units.REGISTER));
  });

  test("a claim", async () => {
    const ticket = await ticketOf(here.app, RUN, DEFAULTS);
    expect(await here.counted(() => claim(here.app, ticket, AGENT))).toEqual(unitsOf(units.CLAIM));
  });

  test("a beat", async () => {
    const token = await tokenOf(here.app);
    here.pass(seconds(30));
    expect(await here.counted(() => beat(here.app, token))).toEqual(unitsOf(units.BEAT));
  });

  test.skipIf("missing" in local)("a beat that comes twice, and one of an attempt that was superseded", async () => {
    const token = await tokenOf(here.app);
    here.pass(seconds(30));
    await beat(here.app, token);
    expect(await here.counted(() => beat(here.app, token))).toEqual(unitsOf(units.REFUSED_BEAT));
    here.pass(seconds(130));
    await swept(here);
    expect(await here.counted(() => beat(here.app, token))).toEqual(unitsOf(units.REFUSED_BEAT));
  });

  test("a beat of a run that never was, as the canary sends it", async () => {
    const nobody = { ...(await ticketOf(here.app, RUN, DEFAULTS)), run: "nobody" };
    expect(await here.counted(() => beat(here.app, nobody))).toEqual(unitsOf(units.BEAT_OF_NOBODY));
  });

  test("what the canary remembers of a beat that got through, each minute", async () => {
    const sing = () =>
      canary(
        here.app,
        async () => true,
        async () => {},
      );
    // The first one, like one after a break, finds nothing that it could go on with: a write more.
    expect(await here.counted(sing)).toMatchObject({ writes: 2 });
    here.pass(seconds(60));
    expect(await here.counted(sing)).toEqual(unitsOf(units.CANARY_WORD));
  });

  test("a success, with its record and its archive", async () => {
    const token = await tokenOf(here.app);
    here.pass(seconds(3600));
    const counted = await here.counted(() => finish(here.app, token, { outcome: "succeeded", exitCode: 0 }));
    expect(counted).toEqual(unitsOf(units.FINISH));
  });

  test("a loss, until the message of the next attempt is out", async () => {
    await tokenOf(here.app);
    here.pass(seconds(130));
    const counted = await here.counted(async () => {
      await swept(here); // lost
      here.pass(seconds(20));
      await swept(here); // queued again, after its backoff
    }, isFound);
    expect(counted).toEqual(within(2, units.LOSS));
  });

  test.skipIf("missing" in local)("and Amazon's own engine counts the same, wherever it counts at all", async () => {
    const token = await tokenOf(here.app);
    here.pass(seconds(30));
    await beat(here.app, token);
    await finish(here.app, token, { outcome: "succeeded", exitCode: 0 });
    here.pass(seconds(70));
    await swept(here);
    const counted = here.sent.filter(({ said }) => said !== undefined);
    // Where nothing was found it says 0, and AWS takes the least that there is.
    const differing = counted.filter(({ said, writes, reads }) => said !== 0 && said !== writes + reads);
    expect(differing).toEqual([]);
    expect(counted.filter(({ said }) => said !== 0).length).toBeGreaterThan(15);
  });

  test("the removal of an ended run", async () => {
    await finish(here.app, await tokenOf(here.app), { outcome: "succeeded", exitCode: 0 });
    here.pass(seconds(30));
    await swept(here); // the sign of life of this minute
    here.pass(seconds(40));
    expect(await here.counted(() => swept(here), isFound)).toEqual(within(1, units.REMOVAL));
    expect(await here.app.runs.list(0, 10)).toMatchObject({ runs: [] });
  });

  test("a sweep that nothing calls for, once a minute", async () => {
    await swept(here);
    here.pass(seconds(60));
    const { writes, reads, sqs } = within(1, units.SIGN_OF_LIFE);
    expect(await here.counted(() => swept(here), isFound)).toEqual({ writes, reads, sqs });
  });

  test.each([0, 1, 40])("a sweep over %i runs of which none is due", async (runs) => {
    for (let n = 0; n < runs; n += 1) await tokenOf(here.app, `nightly-train-${n + 10}`);
    const { writes, sqs } = units.SWEEP;
    const reads = units.passOver(runs, units.shardsFor(runs)).reads + units.SWEEP.reads;
    await swept(here);
    here.pass(seconds(10));
    // Young items are a little below the 128 bytes that the bill takes for each.
    const counted = await here.counted(() => swept(here));
    expect(counted).toMatchObject({ writes, sqs });
    expect(counted.reads).toBeLessThanOrEqual(reads);
    expect(counted.reads).toBeGreaterThanOrEqual(reads - 0.5);
  });
});

describe("what is kept of a run", () => {
  const isOf = (item: Item, partition: string, sort: string): boolean =>
    textOf(item, "p").startsWith(partition) && textOf(item, "s").startsWith(sort);

  test("is as large as the bill says, to 100 bytes", async () => {
    const here = await world(engine);
    await finish(here.app, await tokenOf(here.app), { outcome: "succeeded", exitCode: 0 });
    const { Items: items = [] } = await clientAt(engine.endpoint).send(
      new ScanCommand({ TableName: here.dynamo.table }),
    );
    const stored = (...kinds: readonly (readonly [partition: string, sort: string])[]): number =>
      items
        .filter((item) => kinds.some(([partition, sort]) => isOf(item, partition, sort)))
        .reduce((sum, item) => sum + itemBytes(item) + 100, 0);
    const within = (constant: number, measured: number): void => {
      expect(constant).toBeGreaterThanOrEqual(measured);
      expect(constant).toBeLessThan(measured + 100);
    };
    within(units.KEPT_PER_RUN_BYTES, stored(["R#", "spec"], ["R#", "end"], ["D#", ""]));
    within(units.LINE_BYTES, stored(["R#", "a#"]));
    expect(items).toHaveLength(6); // these four, the run item until it is removed, and the control item
  });

  test("under its host is as large as the bill says, of an attempt that nobody saw end", async () => {
    const here = await world(engine);
    await finish(here.app, await tokenOf(here.app), { outcome: "failed", signal: "SIGKILL" });
    const { Items: items = [] } = await clientAt(engine.endpoint).send(
      new ScanCommand({ TableName: here.dynamo.table }),
    );
    const traces = items.filter((item) => isOf(item, "H#", ""));
    expect(traces.map((item) => isOf(item, "H#", "l#"))).toEqual([true]);
    expect(itemBytes(traces[0] ?? {}) + 100).toBeLessThanOrEqual(units.TRACE_BYTES);
  });

  test("is kept for as long", () => {
    const usual = { retention: RETENTION };
    expect(expiryOf(usual, instant(0))).toBe(seconds(units.KEPT_DAYS * 24 * 3600));
    expect(lineExpiryOf(usual, instant(0))).toBe(seconds(units.LINE_KEPT_DAYS * 24 * 3600));
  });

  test("is read in pages of as many", () => {
    expect(units.PAGE).toBe(PAGE);
  });
});
