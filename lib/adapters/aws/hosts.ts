import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { type Evidence, knownAs, remembered, wordsExpire } from "../../core/evidence.ts";
import { type Instant, instant } from "../../core/time.ts";
import { PREFIX, TABLE } from "../../names.ts";
import type { HostEntry, Hosts } from "../../ports/hosts.ts";
import { type Dynamo, guarded } from "./dynamo.ts";
import { type Item, json, jsonOf, keyOf, number, numberOf, text, ttl } from "./item.ts";

const hostKey = (host: string): string => `${PREFIX.host}${host}`;

/**
 * `j`: an entry, or all evidence in one item. `r`: how often the evidence was written. `e`: in entries that version
 * 0.1.0 left, when the attempt had ended, or 0. Ended attempts are sorted by their end, so a notice reads only those
 * that ended since.
 */
const STANDS = "r#";
const LEFT = "l#";
const WORDS = "w";
const ENDED = "e";

/** Fifteen digits hold every instant until the year 33658. */
const leftSort = (since: Instant): string => `${LEFT}${String(Math.max(0, since)).padStart(15, "0")}`;

/**
 * In each try another process has added evidence about the same host. After ten the notice fails, and its message comes
 * again.
 */
const TRIES = 10;

function entryOf(item: Item): HostEntry {
  const entry = jsonOf(item, "j") as HostEntry;
  return item[ENDED] === undefined ? entry : { ...entry, endedBy: instant(numberOf(item, ENDED)) };
}

/** An attempt that is about to leave is there twice for a moment. Its end counts. */
function once(entries: readonly HostEntry[]): readonly HostEntry[] {
  const all = new Map<string, HostEntry>();
  for (const entry of entries) {
    const name = `${entry.run}#${entry.fence}`;
    if (all.get(name)?.endedBy === undefined) all.set(name, entry);
  }
  return [...all.values()];
}

export function dynamoHosts({ client, table }: Dynamo): Hosts {
  const entryKey = (host: string, { run, fence }: Pick<HostEntry, "run" | "fence">): Item =>
    keyOf(hostKey(host), `${STANDS}${run}#${fence}`);

  const wordsAbout = async (host: string): Promise<{ words: readonly Evidence[]; rev: number }> => {
    const Key = keyOf(hostKey(host), WORDS);
    const { Item } = await client.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }));
    return Item === undefined
      ? { words: [], rev: 0 }
      : { words: jsonOf(Item, "j") as readonly Evidence[], rev: numberOf(Item, "r") };
  };

  const leave: Hosts["leave"] = async (host, entry) => {
    await client.send(new DeleteItemCommand({ TableName: table, Key: entryKey(host, entry) }));
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
    leave,
    leaveTrace: async (host, entry, expiry) => {
      const { run, fence, endedBy } = entry;
      await client.send(
        new PutItemCommand({
          TableName: table,
          Item: {
            ...keyOf(hostKey(host), `${leftSort(endedBy)}#${run}#${fence}`),
            j: json(entry),
            [TABLE.ttl]: ttl(expiry),
          },
        }),
      );
      await leave(host, entry);
    },
    entries: async (host, since) => {
      const found: Item[] = [];
      let start: Item | undefined;
      do {
        const { Items = [], LastEvaluatedKey } = await client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: `${TABLE.partitionKey} = :p AND ${TABLE.sortKey} BETWEEN :since AND :last`,
            ExpressionAttributeValues: {
              ":p": text(hostKey(host)),
              ":since": text(leftSort(since)),
              ":last": text(`${STANDS}~`), // above every letter of a run id
            },
            ConsistentRead: true,
            ...(start !== undefined && { ExclusiveStartKey: start }),
          }),
        );
        found.push(...Items);
        start = LastEvaluatedKey;
      } while (start !== undefined);
      return once(found.map(entryOf))
        .filter(({ endedBy }) => endedBy === undefined || endedBy >= since)
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
        if (write === "written") return knownAs(evidence, next);
      }
      throw new Error(`the evidence about host ${host} changed ${TRIES} times while more was added`);
    },
  };
}
