import { GetItemCommand, PutItemCommand, QueryCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { type Evidence, knownAs, remembered, wordsExpire } from "../core/evidence.ts";
import { instant } from "../core/time.ts";
import { TABLE } from "../names.ts";
import type { HostEntry, Hosts } from "../ports/hosts.ts";
import { type Dynamo, guarded } from "./dynamo.ts";
import { type Item, json, jsonOf, keyOf, number, numberOf, text, ttl } from "./item.ts";

const hostKey = (host: string): string => `H#${host}`;

/** Entries: j the entry, e when it had ended, or 0 where nobody asks for it any more. Words: j all of them in one item, r how often they were written. */
const ENTRY = "r#";
const WORDS = "w";
const ENDED = "e";
const GONE = 0;

/** Each time somebody else has added a word to the same host; ten in a row are a crowd, and the message comes again. */
const TRIES = 10;

function entryOf(item: Item): HostEntry {
  const entry = jsonOf(item, "j") as HostEntry;
  return item[ENDED] === undefined ? entry : { ...entry, endedBy: instant(numberOf(item, ENDED)) };
}

export function dynamoHosts({ client, table }: Dynamo): Hosts {
  const entryKey = (host: string, { run, fence }: Pick<HostEntry, "run" | "fence">): Item =>
    keyOf(hostKey(host), `${ENTRY}${run}#${fence}`);

  const wordsAbout = async (host: string): Promise<{ words: readonly Evidence[]; rev: number }> => {
    const Key = keyOf(hostKey(host), WORDS);
    const { Item } = await client.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }));
    return Item === undefined
      ? { words: [], rev: 0 }
      : { words: jsonOf(Item, "j") as readonly Evidence[], rev: numberOf(Item, "r") };
  };

  return {
    enter: async (host, entry, expiry) => {
      await client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: entryKey(host, entry),
          UpdateExpression: `SET j = if_not_exists(j, :entry), ${TABLE.ttl} = :ttl`,
          ExpressionAttributeValues: { ":entry": json(entry), ":ttl": ttl(expiry) },
        }),
      );
    },
    leave: async (host, entry, expiry, endedBy) => {
      await guarded(() =>
        client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: entryKey(host, entry),
            UpdateExpression: `SET ${ENDED} = :ended, ${TABLE.ttl} = :ttl`,
            ConditionExpression: `attribute_exists(${TABLE.partitionKey})`,
            ExpressionAttributeValues: { ":ended": number(endedBy ?? GONE), ":ttl": ttl(expiry) },
          }),
        ),
      );
    },
    entries: async (host) => {
      const found: Item[] = [];
      let start: Item | undefined;
      do {
        const { Items = [], LastEvaluatedKey } = await client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: `${TABLE.partitionKey} = :p AND begins_with(${TABLE.sortKey}, :prefix)`,
            ExpressionAttributeValues: { ":p": text(hostKey(host)), ":prefix": text(ENTRY) },
            ConsistentRead: true,
            ...(start !== undefined && { ExclusiveStartKey: start }),
          }),
        );
        found.push(...Items);
        start = LastEvaluatedKey;
      } while (start !== undefined);
      return found
        .map(entryOf)
        .filter(({ endedBy }) => endedBy !== GONE)
        .sort((one, other) => other.at - one.at);
    },
    evidence: async (host) => (await wordsAbout(host)).words,
    record: async (host, evidence, now, kept) => {
      for (let tried = 0; tried < TRIES; tried += 1) {
        const { words, rev } = await wordsAbout(host);
        const next = remembered(words, evidence, now);
        if (next === words) return knownAs(evidence, words);
        const Item = {
          ...keyOf(hostKey(host), WORDS),
          j: json(next),
          r: number(rev + 1),
          [TABLE.ttl]: ttl(wordsExpire(next, now, kept)),
        };
        const write = await guarded(() =>
          client.send(
            new PutItemCommand({
              TableName: table,
              Item,
              ConditionExpression: "attribute_not_exists(r) OR r = :rev",
              ExpressionAttributeValues: { ":rev": number(rev) },
            }),
          ),
        );
        if (write === "written") return evidence;
      }
      throw new Error(`${TRIES} others have added a word about host ${host} meanwhile`);
    },
  };
}
