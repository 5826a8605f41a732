import { PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import type { Evidence } from "../core/evidence.ts";
import { TABLE } from "../names.ts";
import type { Hosts } from "../ports/hosts.ts";
import { type Dynamo, type Item, json, jsonOf, keyOf, number, text, ttl } from "./dynamo.ts";

const hostKey = (host: string): string => `H#${host}`;

export function dynamoHosts({ client, table }: Dynamo): Hosts {
  return {
    enter: async (host, { run, fence, at }, expiry) => {
      const key = keyOf(hostKey(host), `r#${run}#${fence}`);
      await client.send(
        new PutItemCommand({ TableName: table, Item: { ...key, a: number(at), [TABLE.ttl]: ttl(expiry) } }),
      );
    },
    evidence: async (host) => {
      const found: Evidence[] = [];
      let start: Item | undefined;
      do {
        const { Items = [], LastEvaluatedKey } = await client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: `${TABLE.partitionKey} = :p AND begins_with(${TABLE.sortKey}, :evidence)`,
            ExpressionAttributeValues: { ":p": text(hostKey(host)), ":evidence": text("e#") },
            ConsistentRead: true,
            ...(start !== undefined && { ExclusiveStartKey: start }),
          }),
        );
        found.push(...Items.map((item) => jsonOf(item, "j") as Evidence));
        start = LastEvaluatedKey;
      } while (start !== undefined);
      return found;
    },
    record: async (host, evidence, expiry) => {
      const key = keyOf(hostKey(host), `e#${new Date(evidence.at).toISOString()}#${evidence.id}`);
      await client.send(
        new PutItemCommand({ TableName: table, Item: { ...key, j: json(evidence), [TABLE.ttl]: ttl(expiry) } }),
      );
    },
  };
}
