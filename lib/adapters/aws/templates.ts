import { GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { PREFIX, TABLE } from "../../names.ts";
import type { Templates } from "../../ports/dispatch.ts";
import type { Dynamo } from "./dynamo.ts";
import { type Item, isExpired, json, jsonOf, keyOf, ttl } from "./item.ts";

const templateKey = (digest: string): Item => keyOf(`${PREFIX.template}${digest}`, "template");

/** One item for each template. It is written again with each registration, so it outlives the last of them. */
export const dynamoTemplates = ({ client, table }: Dynamo): Templates => ({
  keep: async (digest, template, expiry) => {
    const item = { ...templateKey(digest), j: json(template), [TABLE.ttl]: ttl(expiry) };
    await client.send(new PutItemCommand({ TableName: table, Item: item }));
  },
  read: async (digest, now) => {
    const { Item: found } = await client.send(
      new GetItemCommand({ TableName: table, Key: templateKey(digest), ConsistentRead: true }),
    );
    return found === undefined || isExpired(found, now) ? undefined : (jsonOf(found, "j") as object);
  },
});
