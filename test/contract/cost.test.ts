import { GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, test } from "vitest";
import { dynamoControl } from "../../lib/adapters/aws/control.ts";
import type { Dynamo } from "../../lib/adapters/aws/dynamo.ts";
import { dynamoEndedRuns } from "../../lib/adapters/aws/ended-runs.ts";
import { dynamoHosts } from "../../lib/adapters/aws/hosts.ts";
import { keyOf, numberOf } from "../../lib/adapters/aws/item.ts";
import { dynamoOddities } from "../../lib/adapters/aws/oddities.ts";
import { dynamoLedger, dynamoResults, dynamoSpecs } from "../../lib/adapters/aws/records.ts";
import { itemOf, shardKey } from "../../lib/adapters/aws/run-item.ts";
import { dynamoRuns } from "../../lib/adapters/aws/runs.ts";
import { memoryNotices, memoryRequeues } from "../../lib/adapters/memory/plumbing.ts";
import type { App } from "../../lib/app/app.ts";
import { beat } from "../../lib/app/beat.ts";
import { RETENTION } from "../../lib/app/retention.ts";
import type { Canceling, Leaving, Progress, Running } from "../../lib/core/run.ts";
import type { Instant } from "../../lib/core/time.ts";
import { itemBytes } from "../../lib/cost/dynamodb-units.ts";
import * as schemas from "../../lib/wire/schemas.ts";
import { metered } from "../cost/meter.ts";
import { dynamoDbLocalEngine } from "./engines.ts";
import { at, FENCE, running } from "./samples.ts";

/** As many letters as the run ids of usual workflow runners have. */
const RUN = "nightly-train-42";

/** A claimed run in the middle of its life: it has beaten for an hour, has a deadline, and has attempts behind it. */
const usual: Running = {
  ...running(RUN),
  attempt: 12,
  charges: "iiilisiiilc",
  due: at("13:02:00.123"),
  claimedAt: at("12:00:00.456"),
  lastRenewable: at("18:00:00.789"),
};

/** Every adapter that a Lambda has, all behind one client, so that every request is seen. */
const appAt = (dynamo: Dynamo, now: Instant): App => ({
  retention: RETENTION,
  clock: { now: () => now },
  dice: { roll: () => 0 },
  keys: { all: async () => [{ id: "k1", secret: new Uint8Array(32) }] },
  log: { write: () => {} },
  runs: dynamoRuns(dynamo),
  specs: dynamoSpecs(dynamo),
  ledger: dynamoLedger(dynamo),
  results: dynamoResults(dynamo),
  endedRuns: dynamoEndedRuns(dynamo),
  hosts: dynamoHosts(dynamo),
  control: dynamoControl(dynamo),
  requeues: memoryRequeues(),
  notices: memoryNotices(),
  oddities: dynamoOddities(dynamo),
});

const tokenOf = ({ run, shard, attempt, fence, lease }: Running | Canceling) => ({ run, shard, attempt, fence, lease });

const engine = await dynamoDbLocalEngine();

if ("missing" in engine) {
  console.warn(`skipped: what a beat costs on DynamoDB Local, because ${engine.missing}`);
  test.skip(`what a beat costs: ${engine.missing}`);
} else {
  const { dynamo, sent } = await metered(engine);
  afterAll(() => engine.stop());

  describe("what a beat costs", () => {
    test("an accepted beat is one update of one unit, and no other request", async () => {
      await dynamoRuns(dynamo).create(usual);
      sent.length = 0;
      const reply = await beat(appAt(dynamo, at("13:01:00")), tokenOf(usual), { value: 3, of: 7, note: "epoch 3" });
      expect(reply).toMatchObject({ kind: "renewed", directive: "continue" });
      expect(sent).toEqual([{ command: "UpdateItemCommand", partition: "L#2", writes: 1, reads: 0, said: 1 }]);
    });

    test("a beat that is told to stop is one request too: the refused write brings the item back", async () => {
      const canceling: Canceling = { ...usual, run: "canceling", state: "canceling" };
      await dynamoRuns(dynamo).create(canceling);
      sent.length = 0;
      const reply = await beat(appAt(dynamo, at("13:01:00")), tokenOf(canceling));
      expect(reply).toMatchObject({ kind: "renewed", directive: "stop" });
      expect(sent).toEqual([{ command: "UpdateItemCommand", partition: "L#2", writes: 1, reads: 0, said: undefined }]);
    });

    test("a beat moves the item's TTL to 30 days after its new due time", async () => {
      const run: Running = { ...usual, run: "kept" };
      await dynamoRuns(dynamo).create(run);
      await beat(appAt(dynamo, at("13:01:00.001")), tokenOf(run));
      const { client, table } = dynamo;
      const { Item = {} } = await client.send(
        new GetItemCommand({ TableName: table, Key: keyOf(shardKey(run.shard), run.run) }),
      );
      expect(numberOf(Item, "t")).toBe(Date.parse("2026-12-22T13:03:01Z") / 1000);
    });
  });

  test.each([
    "0",
    "7",
    "42",
    "100",
    "120000",
    "1200000",
    "-12",
    "1.5",
    "10.05",
    "0.001",
    "0.00001",
    "100.001",
    "0.5",
    "0.0000123",
    "1795348801",
    "1795349700123",
  ])(
    "the meter and DynamoDB Local agree where an item with the number %s begins to cost a second unit",
    async (value) => {
      const { client, table } = dynamo;
      const unitsFor = async (size: number): Promise<number | undefined> => {
        const item = {
          ...itemOf({ ...usual, run: `size-${size}-of-${value.replace(/\W/g, "-")}` }),
          number: { N: value },
        };
        const w = { S: "x".repeat(size - itemBytes({ ...item, w: { S: "" } })) };
        await client.send(new PutItemCommand({ TableName: table, Item: { ...item, w } }));
        return sent.at(-1)?.said;
      };
      expect(await unitsFor(1024)).toBe(1);
      expect(await unitsFor(1025)).toBe(2);
    },
  );
}

describe("the size of a running item", () => {
  test("it is at most 128 bytes, with a 16-letter run id and an instance id of EC2", () => {
    expect(RUN).toHaveLength(16);
    expect(usual.host).toHaveLength(19);
    expect(usual.fence).toBe(FENCE);
    expect(itemBytes(itemOf(usual))).toBeLessThanOrEqual(128);
  });

  /** The API takes 128 bytes of JSON. These kinds of letters take the most bytes. */
  const TEXTS = [
    ["plain letters", "x", 128],
    ["letters of three bytes each", "\u9032", 42],
    ["quotes, which JSON escapes", '"', 64],
    ["control characters, which JSON escapes", "\u001b", 21],
    ["halves of surrogate pairs, which JSON escapes", "\ud800", 21],
  ] as const;

  /** As many letters as a number may have. */
  const LONGEST = -1.2345678901234567e-129;

  /** The progress that takes the most bytes with that note, if the API takes it at all. */
  const progressWith = (note: string): Progress | undefined =>
    schemas.beat.parse({ progress: { value: LONGEST, of: LONGEST, note } }).progress;

  /** A held run item on which everything is as long as it can be. */
  const largest: Running = {
    ...usual,
    run: "r".repeat(128),
    host: "h".repeat(128),
    shard: 9999,
    attempt: 200,
    charges: "cils".repeat(50),
    furthest: LONGEST,
    lastRenewable: at("23:59:59.999"),
    debt: { since: at("12:00:00.001"), owes: "handover" },
  };

  test.each(TEXTS)("a note is kept up to 128 bytes of JSON, in %s", (_, letter, longest) => {
    expect(progressWith(letter.repeat(longest))?.note).toBe(letter.repeat(longest));
    expect(progressWith(letter.repeat(longest + 1))?.note).toBe(letter.repeat(longest));
  });

  test.each(TEXTS)("it stays below one write unit with the longest of everything, in %s", (_, letter, longest) => {
    const reason = letter.repeat(longest);
    const progress = progressWith(reason);
    if (progress === undefined) throw new Error("the note was refused");
    expect(schemas.requeue.safeParse({ reason }).success).toBe(true);
    const leaving: Leaving = {
      ...largest,
      state: "leaving",
      directive: "stop",
      isFree: true,
      deadline: at("23:59:59.999"),
      reason,
      progress,
    };
    expect(itemBytes(itemOf(leaving))).toBeLessThan(1024);
  });
});
