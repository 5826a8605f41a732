import { GetItemCommand, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import type { Freeze } from "../core/freeze.ts";
import type { Control } from "../ports/control.ts";
import { type Dynamo, guarded, json, jsonOf, keyOf, number, numberOf } from "./dynamo.ts";

/** One partition takes 1,000 write units a second; a beat a second and room to spare: about 250 beats/s a shard. */
const FIRST_SHARDS = 4;

export function dynamoControl({ client, table }: Dynamo): Control {
  return {
    shards: async () => {
      const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: keyOf("C", "shards") }));
      return Item === undefined ? FIRST_SHARDS : numberOf(Item, "n");
    },
    beginSweep: async (now, unless) => {
      const write = await guarded(() =>
        client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: keyOf("C", "sweep"),
            UpdateExpression: "SET d = :now",
            ConditionExpression: "attribute_not_exists(d) OR d <= :unless",
            ExpressionAttributeValues: { ":now": number(now), ":unless": number(unless) },
          }),
        ),
      );
      return write === "written";
    },
    freeze: async () => {
      const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: keyOf("C", "freeze") }));
      return Item === undefined ? undefined : (jsonOf(Item, "j") as Freeze);
    },
    rememberFreeze: async (freeze) => {
      await client.send(new PutItemCommand({ TableName: table, Item: { ...keyOf("C", "freeze"), j: json(freeze) } }));
    },
  };
}
