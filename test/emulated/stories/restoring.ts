import {
  type AttributeValue,
  BatchWriteItemCommand,
  type DynamoDBClient,
  ScanCommand,
  type WriteRequest,
} from "@aws-sdk/client-dynamodb";
import { DisableRuleCommand, EnableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import {
  DeleteFunctionConcurrencyCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
} from "@aws-sdk/client-lambda";
import { describe, expect, test } from "vitest";
import type { Restored } from "../../../lib/app/restore.ts";
import { TABLE } from "../../../lib/names.ts";
import { physicalId } from "../deployment.ts";
import { eventually } from "../eventually.ts";
import { SLEEP, type Stage } from "./stage.ts";

type Items = readonly Readonly<Record<string, AttributeValue>>[];

async function itemsOf(client: DynamoDBClient, table: string): Promise<Items> {
  const items: Record<string, AttributeValue>[] = [];
  let from: Record<string, AttributeValue> | undefined;
  do {
    const { Items = [], LastEvaluatedKey } = await client.send(
      new ScanCommand({
        TableName: table,
        ConsistentRead: true,
        ...(from !== undefined && { ExclusiveStartKey: from }),
      }),
    );
    items.push(...Items);
    from = LastEvaluatedKey;
  } while (from !== undefined);
  return items;
}

/** A batch takes 25. */
async function write(client: DynamoDBClient, table: string, requests: readonly WriteRequest[]): Promise<void> {
  for (let first = 0; first < requests.length; first += 25)
    await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: requests.slice(first, first + 25) } }));
}

/** The chapter of docs/runbook.md, step by step. No emulator restores a table under its name, so its items are put back. */
export function describeRestoring({ here, owner, newHost, invoke }: Stage): void {
  describe("a table that is restored from a backup", () => {
    test("gives out no fence twice, and its runs go on", async () => {
      const table = here.output("table");
      const first = here.agent(await here.register("restored", "--lease", "10"), newHost(), ...SLEEP);
      await first.line(/^up/);
      const backup = await itemsOf(here.dynamodb, table);

      // What the backup does not know: a second attempt.
      process.kill(first.pid, "SIGTERM");
      await first.left;
      const second = await eventually(
        () => here.record("restored"),
        ({ state, attempt }) => state === "queued" && attempt === 2,
      );
      const lambda = new LambdaClient(here.sdk);
      const events = new EventBridgeClient(here.sdk);
      const closed = ["beat", "runner", "owner"];
      const functions = await Promise.all(
        closed.map((name) => physicalId(here, new RegExp(`Lambdas${name}Function[0-9A-F]{8}$`))),
      );
      const rule = await physicalId(here, /SchedulesTick[0-9A-F]{8}$/);
      await events.send(new DisableRuleCommand({ Name: rule }));
      const mappings = await Promise.all(
        ["sweep", "notice"].map((name) => physicalId(here, new RegExp(`Lambdas${name}Messages`))),
      );
      const turn = async (Enabled: boolean): Promise<void> => {
        for (const UUID of mappings) await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
      };
      await turn(false);
      for (const FunctionName of functions)
        await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));

      const keys = (await itemsOf(here.dynamodb, table)).map((item) => ({
        [TABLE.partitionKey]: item[TABLE.partitionKey] as AttributeValue,
        [TABLE.sortKey]: item[TABLE.sortKey] as AttributeValue,
      }));
      await write(
        here.dynamodb,
        table,
        keys.map((Key) => ({ DeleteRequest: { Key } })),
      );
      await write(
        here.dynamodb,
        table,
        backup.map((Item) => ({ PutRequest: { Item } })),
      );
      const restored = new Date();
      await eventually(
        async () => (await invoke("sweep", { restored: restored.toISOString() })) as Restored,
        ({ left }) => left === 0,
      );

      for (const FunctionName of functions) await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
      await turn(true);
      await events.send(new EnableRuleCommand({ Name: rule }));
      const { attempt, fence } = await eventually(
        () => here.record("restored"),
        ({ state }) => state === "queued",
      );
      expect(attempt).toBe(2);
      expect(fence).toBeGreaterThan(second.fence);
      expect(fence).toBeGreaterThanOrEqual(Math.floor(restored.getTime() / 1000));
      const { next } = await owner.message("restored", attempt, fence);
      expect(await here.agent(next.ticket, newHost(), "true").left).toBe(0);
      expect(await here.record("restored")).toMatchObject({ state: "ended", outcome: "succeeded" });
    });
  });
}
