import { GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { digest } from "../../digest.ts";
import { PREFIX, TABLE } from "../../names.ts";
import type { GoneAddresses } from "../../ports/webhooks.ts";
import type { Dynamo } from "./dynamo.ts";
import { type Item, isExpired, keyOf, ttl } from "./item.ts";

const goneKey = (url: string): Item => keyOf(`${PREFIX.webhook}${digest(url)}`, "gone");

/** One item for each address, for as long as it is left alone. */
export const dynamoGoneAddresses = ({ client, table }: Dynamo): GoneAddresses => ({
  add: async (url, until) => {
    const item = { ...goneKey(url), [TABLE.ttl]: ttl(until) };
    await client.send(new PutItemCommand({ TableName: table, Item: item }));
  },
  has: async (url, now) => {
    const { Item: found } = await client.send(
      new GetItemCommand({ TableName: table, Key: goneKey(url), ConsistentRead: true }),
    );
    return found !== undefined && !isExpired(found, now);
  },
});
