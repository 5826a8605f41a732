import { PutItemCommand, QueryCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import type { Evidence } from "../core/evidence.ts";
import { TABLE } from "../names.ts";
import type { HostEntry, Hosts } from "../ports/hosts.ts";
import type { Dynamo } from "./dynamo.ts";
import { type Item, json, jsonOf, keyOf, text, ttl } from "./item.ts";

const hostKey = (host: string): string => `H#${host}`;

export function dynamoHosts({ client, table }: Dynamo): Hosts {
  /** All items of a host whose sort key begins so. */
  const itemsOf = async (host: string, prefix: string): Promise<readonly Item[]> => {
    const found: Item[] = [];
    let start: Item | undefined;
    do {
      const { Items = [], LastEvaluatedKey } = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: `${TABLE.partitionKey} = :p AND begins_with(${TABLE.sortKey}, :prefix)`,
          ExpressionAttributeValues: { ":p": text(hostKey(host)), ":prefix": text(prefix) },
          ConsistentRead: true,
          ...(start !== undefined && { ExclusiveStartKey: start }),
        }),
      );
      found.push(...Items);
      start = LastEvaluatedKey;
    } while (start !== undefined);
    return found;
  };
  const put = async (host: string, sort: string, value: unknown, expiry: Parameters<typeof ttl>[0]): Promise<void> => {
    const Item = { ...keyOf(hostKey(host), sort), j: json(value), [TABLE.ttl]: ttl(expiry) };
    await client.send(new PutItemCommand({ TableName: table, Item }));
  };
  return {
    enter: async (host, entry, expiry) => {
      await client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: keyOf(hostKey(host), `r#${entry.run}#${entry.fence}`),
          UpdateExpression: `SET j = if_not_exists(j, :entry), ${TABLE.ttl} = :ttl`,
          ExpressionAttributeValues: { ":entry": json(entry), ":ttl": ttl(expiry) },
        }),
      );
    },
    entries: async (host) =>
      (await itemsOf(host, "r#")).map((item) => jsonOf(item, "j") as HostEntry).sort((one, other) => other.at - one.at),
    evidence: async (host) => (await itemsOf(host, "e#")).map((item) => jsonOf(item, "j") as Evidence),
    record: (host, evidence, expiry) =>
      put(host, `e#${new Date(evidence.at).toISOString()}#${evidence.id}`, evidence, expiry),
  };
}
