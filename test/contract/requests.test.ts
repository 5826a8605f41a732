import { GetItemCommand, PutItemCommand, ScanCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { dynamoControl } from "../../lib/adapters/aws/control.ts";
import type { Dynamo } from "../../lib/adapters/aws/dynamo.ts";
import { dynamoEndedRuns } from "../../lib/adapters/aws/ended-runs.ts";
import { dynamoHosts } from "../../lib/adapters/aws/hosts.ts";
import { dynamoLedger, dynamoResults, dynamoSpecs } from "../../lib/adapters/aws/records.ts";
import { type Reach, renewing } from "../../lib/adapters/aws/renew.ts";
import { itemOf } from "../../lib/adapters/aws/run-item.ts";
import { dynamoRuns } from "../../lib/adapters/aws/runs.ts";
import type { Evidence } from "../../lib/core/evidence.ts";
import { renewal } from "../../lib/core/lease.ts";
import { asFence } from "../../lib/core/run.ts";
import { type Instant, instant, seconds } from "../../lib/core/time.ts";
import { clientAt, startDynalite } from "./engines.ts";
import { at, ended, FENCE, queued, running } from "./samples.ts";

/** What the stores ask of DynamoDB where the contract cannot see it: how a read is made, and how many there are. */
type Asked = { readonly command: string; readonly input: Readonly<Record<string, unknown>> };

const engine = await startDynalite();
const client = clientAt(engine.endpoint);
afterAll(async () => {
  client.destroy();
  await engine.stop();
});

let dynamo: Dynamo;
let asked: Asked[] = [];
/** Runs once, before the next request of that name is sent. */
let before: { readonly command: string; readonly act: () => Promise<unknown> } | undefined;

client.middlewareStack.add(
  (next, { commandName: command = "" }) =>
    async (args) => {
      if (before?.command === command) {
        const { act } = before;
        before = undefined;
        await act();
      }
      asked.push({ command, input: args.input as Asked["input"] });
      return next(args);
    },
  { step: "initialize" },
);
beforeEach(async () => {
  dynamo = { client, table: (await engine.table()).table };
  asked = [];
});

const commands = (): string[] => asked.map(({ command }) => command);

test("what a decision rests on is read consistently", async () => {
  const now = at("12:00:00");
  await dynamoRuns(dynamo).read(queued("train"));
  await dynamoSpecs(dynamo).read("train", now);
  await dynamoResults(dynamo).read("train", now);
  await dynamoLedger(dynamo).read("train", FENCE);
  await dynamoLedger(dynamo).list("train", asFence(0));
  await dynamoHosts(dynamo).evidence("i-0abc");
  await dynamoHosts(dynamo).entries("i-0abc", now);
  await dynamoControl(dynamo).frontDoor();
  expect(asked).toHaveLength(8);
  expect(asked.filter(({ input }) => input["ConsistentRead"] !== true)).toEqual([]);
});

test("a sweep asks for as much of an item as it looks at", async () => {
  await dynamoRuns(dynamo).create(running("train"));
  await dynamoRuns(dynamo).page(2, 10);
  expect(asked.at(-1)?.input["ProjectionExpression"]).toBe("p, s, q, d, l, o, W, g");
});

describe("a beat", () => {
  const beat = renewal(FENCE, at("12:00:30"), seconds(120));

  test("that is refused with the item that was there reads nothing", async () => {
    const read: Reach["read"] = async () => {
      throw new Error("nothing is to be read");
    };
    let wanted: unknown;
    const update: Reach["update"] = async (input) => {
      wanted = input.ReturnValuesOnConditionCheckFailure;
      return { isRefused: true, item: itemOf(running("train")) };
    };
    expect(await renewing("any", { update, read })(running("train"), beat)).toEqual({
      write: "stale",
      run: running("train"),
    });
    expect(wanted).toBe("ALL_OLD");
  });

  test("that the store does not take is an error, and not a refusal", async () => {
    const throttle = async (): Promise<never> => {
      throw new Error("too many requests");
    };
    before = { command: "UpdateItemCommand", act: throttle };
    await expect(dynamoRuns(dynamo).renew(running("train"), beat)).rejects.toThrow("too many requests");
  });
});

describe("what is said about a host", () => {
  const NOW = at("12:00:10");
  const KEPT = seconds(3600);
  const Key = { p: { S: "H#i-0abc" }, s: { S: "w" } };
  const warning: Evidence = {
    id: "one",
    source: "aws.ec2",
    kind: "spot-interruption",
    at: at("12:00:00"),
    deadline: at("12:02:00"),
  };

  test("is one item, which one request reads", async () => {
    await dynamoHosts(dynamo).evidence("i-0abc");
    expect(asked).toEqual([{ command: "GetItemCommand", input: expect.objectContaining({ Key }) }]);
  });

  test("is written by one request after that, an hour after the last of it has happened it may go", async () => {
    const hosts = dynamoHosts(dynamo);
    await hosts.record("i-0abc", warning, NOW, KEPT);
    const later: Evidence = { ...warning, id: "two" };
    await hosts.record("i-0abc", later, NOW, KEPT);
    expect(commands()).toEqual(["GetItemCommand", "PutItemCommand", "GetItemCommand", "PutItemCommand"]);
    const t = { N: String(at("13:02:00") / 1000) };
    expect(asked[1]?.input["Item"]).toEqual({ ...Key, j: { S: JSON.stringify([warning]) }, r: { N: "1" }, t });
    expect(asked[3]?.input["Item"]).toEqual({ ...Key, j: { S: JSON.stringify([warning, later]) }, r: { N: "2" }, t });
  });

  test("is not written again when it says nothing new", async () => {
    const hosts = dynamoHosts(dynamo);
    await hosts.record("i-0abc", warning, NOW, KEPT);
    asked = [];
    await hosts.record("i-0abc", warning, NOW, KEPT);
    expect(commands()).toEqual(["GetItemCommand"]);
  });

  test("is read again when somebody else has said something meanwhile", async () => {
    const hosts = dynamoHosts(dynamo);
    const other: Evidence = { ...warning, id: "other" };
    before = { command: "PutItemCommand", act: () => dynamoHosts(dynamo).record("i-0abc", other, NOW, KEPT) };
    await hosts.record("i-0abc", warning, NOW, KEPT);
    expect(await hosts.evidence("i-0abc")).toEqual([other, warning]);
  });

  test("is an error when ten others in a row have said something meanwhile, so that its message comes again", async () => {
    const moved = async (): Promise<void> => {
      before = { command: "PutItemCommand", act: moved };
      await client.send(
        new UpdateItemCommand({
          TableName: dynamo.table,
          Key,
          UpdateExpression: "SET j = :none ADD r :one",
          ExpressionAttributeValues: { ":none": { S: "[]" }, ":one": { N: "1" } },
        }),
      );
    };
    before = { command: "PutItemCommand", act: moved };
    await expect(dynamoHosts(dynamo).record("i-0abc", warning, NOW, KEPT)).rejects.toThrow(
      "the evidence about host i-0abc changed 10 times while more was added",
    );
    expect(commands().filter((command) => command === "PutItemCommand")).toHaveLength(10);
  });
});

describe("an attempt that leaves its host", () => {
  const entry = { run: "train", shard: 2, fence: FENCE, at: at("12:00:00") };
  const itemsOf = async () =>
    (await client.send(new ScanCommand({ TableName: dynamo.table }))).Items?.map(({ s }) => s?.S) ?? [];

  test("leaves nothing where nobody asks for it any more: one write", async () => {
    await dynamoHosts(dynamo).enter("i-0abc", entry, at("13:00:00"));
    asked = [];
    await dynamoHosts(dynamo).leave("i-0abc", entry);
    expect(commands()).toEqual(["DeleteItemCommand"]);
    expect(await itemsOf()).toEqual([]);
  });

  test("is written down by its end before it is struck off, where late evidence may be about it", async () => {
    const hosts = dynamoHosts(dynamo);
    await hosts.enter("i-0abc", entry, at("13:00:00"));
    const ended = { ...entry, endedBy: at("12:02:00") };
    asked = [];
    before = {
      command: "DeleteItemCommand",
      act: async () => expect(await hosts.entries("i-0abc", at("12:00:00"))).toEqual([ended]),
    };
    await hosts.leaveTrace("i-0abc", ended, at("23:00:00"));
    expect(commands()).toEqual(["PutItemCommand", "QueryCommand", "DeleteItemCommand"]);
    expect(await itemsOf()).toEqual(["l#001795348920000#train#1795348800"]);
  });

  test("was left by 0.1.0 with its end on its entry, or 0 where nobody asks for it any more", async () => {
    for (const [run, e] of [
      ["lost", String(at("12:02:00"))],
      ["gone", "0"],
    ] as const)
      await client.send(
        new PutItemCommand({
          TableName: dynamo.table,
          Item: {
            p: { S: "H#i-0abc" },
            s: { S: `r#${run}#${FENCE}` },
            j: { S: JSON.stringify({ ...entry, run }) },
            e: { N: e },
          },
        }),
      );
    const found = await dynamoHosts(dynamo).entries("i-0abc", at("12:02:00"));
    expect(found).toEqual([{ ...entry, run: "lost", endedBy: at("12:02:00") }]);
  });

  test("is not read where it had ended before the word that is told", async () => {
    const hosts = dynamoHosts(dynamo);
    const start = at("11:00:00");
    for (let n = 0; n < 50; n += 1)
      await hosts.leaveTrace("i-0abc", { ...entry, run: `old-${n}`, endedBy: instant(start + n) }, at("23:00:00"));
    await hosts.enter("i-0abc", entry, at("13:00:00"));
    asked = [];
    expect(await hosts.entries("i-0abc", at("12:00:00"))).toEqual([entry]);
    const values = asked[0]?.input["ExpressionAttributeValues"] as Record<string, { S: string }>;
    expect(values[":since"]?.S).toBe("l#001795348800000");
  });
});

test("a runner's words are attributes of the ledger line of its attempt, by their kind", async () => {
  const ledger = dynamoLedger(dynamo);
  await ledger.claim("train", { attempt: 1, fence: FENCE, claimedAt: at("12:00:00"), holder: { id: "a".repeat(32) } });
  const word: Evidence = { id: "one", source: "runner", kind: "sigterm", at: at("12:00:30") };
  await ledger.hear("train", FENCE, word);
  const Key = { p: { S: "R#train" }, s: { S: "a#001795348800" } };
  const { Item } = await client.send(new GetItemCommand({ TableName: dynamo.table, Key }));
  expect(Item).toMatchObject({ "w-sigterm": { S: JSON.stringify(word) } });
});

describe("the number of shards", () => {
  test("is written when it is first asked for, and read from then on", async () => {
    await dynamoControl(dynamo, 5).shards();
    expect(commands()).toEqual(["GetItemCommand", "UpdateItemCommand"]);
    asked = [];
    expect(await dynamoControl(dynamo, 5).shards()).toBe(5);
    expect(await dynamoControl(dynamo, 3).shards()).toBe(5);
    expect(commands()).toEqual(["GetItemCommand", "GetItemCommand"]);
  });

  test("stays the higher one when another service has raised it meanwhile", async () => {
    before = { command: "UpdateItemCommand", act: () => dynamoControl(dynamo, 7).shards() };
    await dynamoControl(dynamo, 5).shards();
    expect(commands()).toEqual(["GetItemCommand", "GetItemCommand", "UpdateItemCommand", "UpdateItemCommand"]);
    expect(await dynamoControl(dynamo, 5).shards()).toBe(7);
  });
});

describe("a list of ended runs", () => {
  const EXPIRY = at("23:00:00");
  const HOUR = seconds(3600);
  const BUCKETS = 8;
  const noon = at("12:00:00");
  const ago = (hours: number): Instant => instant(noon - hours * HOUR);

  test("reads each hour from the newest to the oldest, and no other", async () => {
    expect(await dynamoEndedRuns(dynamo).list(noon, ago(3), 10)).toEqual({ runs: [] });
    const hours = asked.map(({ input }) => JSON.stringify(input).match(/D#[^#]*/)?.[0]);
    expect([...new Set(hours)]).toEqual([12, 11, 10, 9].map((hour) => `D#2026-11-22T${String(hour).padStart(2, "0")}`));
    expect(asked).toHaveLength(4 * BUCKETS);
  });

  test("reads two days at the most, and its cursor leads on from there", async () => {
    const store = dynamoEndedRuns(dynamo);
    const run = ended("train", ago(60));
    await store.add(run, 1, EXPIRY);
    asked = [];
    const first = await store.list(noon, ago(100), 10);
    expect(first).toEqual({ runs: [], cursor: expect.any(String) });
    expect(asked).toHaveLength(48 * BUCKETS);
    expect(await store.list(noon, ago(100), 10, first.cursor)).toMatchObject({ runs: [run] });
  });

  test("reads no further back than the page needs", async () => {
    const store = dynamoEndedRuns(dynamo);
    for (const name of ["a", "b", "c"]) await store.add(ended(name, noon), 1, EXPIRY);
    asked = [];
    expect((await store.list(noon, ago(30), 2)).runs).toHaveLength(2);
    expect(asked).toHaveLength(BUCKETS);
  });

  test("that is just as long as the page has no cursor", async () => {
    const store = dynamoEndedRuns(dynamo);
    await store.add(ended("train", noon), 1, EXPIRY);
    expect(await store.list(noon, ago(2), 1)).toEqual({ runs: [ended("train", noon)] });
  });

  test("has a run that ended in the last millisecond of an hour, asked for from then on", async () => {
    const store = dynamoEndedRuns(dynamo);
    const last = at("11:59:59.999");
    await store.add(ended("train", last), 1, EXPIRY);
    expect((await store.list(noon, last, 10)).runs).toEqual([ended("train", last)]);
  });

  test("is spread over partitions by the names of runs", async () => {
    const store = dynamoEndedRuns(dynamo);
    for (const name of ["a", "b", "c", "d"]) await store.add(ended(name, noon), 1, EXPIRY);
    const partitions = new Set(asked.map(({ input }) => JSON.stringify(input).match(/D#[^"]*/)?.[0]));
    expect(partitions.size).toBe(4);
  });
});
